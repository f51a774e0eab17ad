import type { Chosen } from "./catalogue.ts";
import type { FormField } from "./entries.ts";
import { matches } from "./match.ts";

/**
 * The choices with all words of a query in their name, summary, id or keywords, in English or in the chosen language; then those with a
 * setting, or a value of one, that has all of them.
 */
export function found(query: string, among: readonly Chosen[]): readonly Chosen[] {
  const named = among.filter((chosen) => matches(query, wordsOf(chosen)));
  const bySetting = among.filter(
    (chosen) =>
      !chosen.preset && !named.includes(chosen) && textsOf(chosen.entry.fields).some((text) => matches(query, [text])),
  );
  return [...named, ...bySetting];
}

function wordsOf({ entry, preset }: Chosen): readonly string[] {
  const { id, name, summary, keywords = [], english } = preset ?? entry;
  return [name, summary, english?.name ?? "", english?.summary ?? "", id.replace(/[-_]/g, " "), ...keywords];
}

function textsOf(fields: readonly FormField[]): readonly string[] {
  return fields.flatMap((field) => [
    field.label,
    ...(field.options ?? []).map((option) => `${option.label} ${field.label}`),
    ...textsOf(field.fields ?? []),
  ]);
}
