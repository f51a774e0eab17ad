import type { Chosen } from "./catalogue.ts";
import { matches } from "./match.ts";
import { useNames } from "./names.ts";

/** `const search = useSearch()`; `search("crop", all)`: the tools with all words in their name, summary or id, in English or in the chosen language. */
export function useSearch(): (query: string, among: readonly Chosen[]) => readonly Chosen[] {
  const names = useNames();
  return (query, among) =>
    among.filter(({ kind, id, entry }) => {
      const plainId = id.replace(/[-_]/g, " ");
      return matches(query, [
        entry.name,
        entry.summary,
        plainId,
        names.of(kind, id),
        entry.english?.name ?? "",
        entry.english?.summary ?? "",
      ]);
    });
}
