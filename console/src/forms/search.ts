import type { Chosen } from "./catalogue.ts";
import type { FormField } from "./entries.ts";
import { matches } from "./match.ts";
import { type Names, useNames } from "./names.ts";

/**
 * `const search = useSearch()`; `search("jpg to png", all)`: what has all words in its name, summary, id or keywords, in English or in the
 * chosen language, those first; then what has a setting, or a value of one, with all of them.
 */
export function useSearch(): (query: string, among: readonly Chosen[]) => readonly Chosen[] {
  const names = useNames();
  return (query, among) => found(query, among, names);
}

export function found(query: string, among: readonly Chosen[], names: Names): readonly Chosen[] {
  const named = among.filter((chosen) => matches(query, wordsOf(chosen, names)));
  const bySetting = among.filter(
    (chosen) =>
      !chosen.preset &&
      !named.includes(chosen) &&
      namesOf(chosen.entry.fields, names).some((text) => matches(query, [text])),
  );
  return [...named, ...bySetting];
}

function wordsOf({ id, entry, preset }: Chosen, names: Names): readonly string[] {
  if (preset) {
    const { name, summary } = names.preset(preset);
    return [preset.name, preset.summary, ...preset.keywords, name, summary, ...names.keywords(preset.id)];
  }
  const plainId = id.replaceAll("_", " ");
  return [
    ...[entry.name, entry.summary, plainId, ...(entry.keywords ?? [])],
    ...[names.of(id), names.summary(id), ...names.keywords(id)],
  ];
}

function namesOf(fields: readonly FormField[], names: Names): readonly string[] {
  return fields.flatMap((field) => [
    `${field.label} ${names.field(field)}`,
    ...(field.options ?? []).map(
      (option) => `${option.label} ${names.option(option)} ${field.label} ${names.field(field)}`,
    ),
    ...namesOf(field.fields ?? [], names),
  ]);
}
