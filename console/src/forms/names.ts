import { useMemo } from "react";
import { type Catalogue, useCatalogue } from "./catalogue.ts";
import type { FormField } from "./entries.ts";

/** The names of operations and of their settings in the chosen language. */
export type Names = {
  of: (id: string) => string;
  summary: (id: string) => string;
  /** The label that a setting of this name has in a form; undefined if none has it. */
  field: (name: string) => string | undefined;
};

export function useNames(): Names {
  const catalogue = useCatalogue();
  return useMemo(() => namesIn(catalogue), [catalogue]);
}

function namesIn(catalogue: Catalogue | undefined): Names {
  const labels = new Map<string, string>();
  function add(fields: readonly FormField[]): void {
    for (const { name, label, fields: inner = [] } of fields) {
      if (!labels.has(name)) labels.set(name, label);
      add(inner);
    }
  }
  for (const { fields } of catalogue?.forms.operations ?? []) add(fields);
  return {
    field: (name) => labels.get(name),
    of: (id) => catalogue?.entry(id)?.name ?? words(id),
    summary: (id) => catalogue?.entry(id)?.summary ?? "",
  };
}

/** For what has no form: the other operations of tasks. */
function words(id: string): string {
  const text = id.replaceAll("_", " ").replace(/\b(pdf|qr)\b/g, (word) => word.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}
