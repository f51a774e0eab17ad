import type { Chosen } from "./catalogue.ts";
import { matches } from "./match.ts";
import { useNames } from "./names.ts";

/** `const search = useSearch()`; `search("crop", all)`: what has all words in its name, its summary or its id, in English or as it is shown. */
export function useSearch(): (query: string, among: readonly Chosen[]) => readonly Chosen[] {
  const names = useNames();
  return (query, among) =>
    among.filter(({ kind, id, entry }) => {
      const plainId = id.replace(/[-_]/g, " ");
      return matches(query, [entry.name, entry.summary, plainId, names.of(kind, id), names.summary(kind, id)]);
    });
}
