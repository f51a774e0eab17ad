import { useQuery } from "@tanstack/react-query";
import { useLanguage } from "../i18n/texts.ts";
import type { Category, FormEntry, Forms, Preset } from "./entries.ts";
import { translated } from "./translation.ts";

/** The forms of all operations, by their names. */
export class Catalogue {
  readonly forms: Forms;
  private readonly entries: ReadonlyMap<string, FormEntry>;

  constructor(forms: Forms) {
    this.forms = forms;
    this.entries = new Map(forms.operations.map((entry) => [entry.id, entry]));
  }

  entry(id: string): FormEntry | undefined {
    return this.entries.get(id);
  }

  /** Every operation, each followed by its presets. */
  choices(): readonly Chosen[] {
    return this.forms.operations.flatMap((entry) => [
      { id: entry.id, entry },
      ...(entry.presets ?? []).map((preset) => ({ id: entry.id, entry, preset })),
    ]);
  }

  get categories(): readonly Category[] {
    return this.forms.categories;
  }
}

/** An operation with its form, and maybe with settings that have a name of their own. */
export type Chosen = { id: string; entry: FormEntry; preset?: Preset };

/** The settings with which the form of a choice begins. */
export function startOf({ entry, preset }: Chosen): Record<string, unknown> {
  return { ...(preset?.settings ?? entry.initial) };
}

/** In the page's language; undefined until it is there. It is a chunk of its own, loaded when it is needed first. */
export function useCatalogue(): Catalogue | undefined {
  const language = useLanguage();
  return useQuery({
    queryKey: ["forms", language],
    queryFn: async () => {
      const forms = (await import("../../generated/forms.json")).default as unknown as Forms;
      if (language === "en") return new Catalogue(forms);
      return new Catalogue(translated(forms, (await import("../i18n/zh/operations/index.ts")).formsZh));
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
    throwOnError: true,
  }).data;
}
