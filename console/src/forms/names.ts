import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useLanguage } from "../i18n/texts.ts";
import type { ToolTexts } from "../i18n/tools.zh.ts";
import { type Catalogue, useCatalogue } from "./catalogue.ts";
import type { Category, FormField, Option, Preset } from "./entries.ts";

/** The names of operations, categories, fields and their values in the chosen language. */
export type Names = {
  of: (id: string) => string;
  summary: (id: string) => string;
  preset: (preset: Preset) => { name: string; summary: string };
  /** Other words for an operation or a preset in the chosen language. */
  keywords: (id: string) => readonly string[];
  category: (category: Category) => string;
  field: (field: Pick<FormField, "name" | "label">) => string;
  option: (option: Option) => string;
  /** The language of what is left in English: helps; undefined if that is the page's. */
  helpLanguage: "en" | undefined;
};

export function useNames(): Names {
  const catalogue = useCatalogue();
  const chinese = useLanguage() === "zh";
  const texts = useQuery({
    queryKey: ["tool-texts", "zh"],
    queryFn: async () => (await import("../i18n/tools.zh.ts")).toolTexts,
    enabled: chinese,
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
  }).data;
  return useMemo(() => named(catalogue, chinese ? texts : undefined), [catalogue, chinese, texts]);
}

export function named(catalogue: Catalogue | undefined, texts: ToolTexts | undefined): Names {
  const translated = (id: string) => texts?.operations[id];
  return {
    of: (id) => translated(id)?.name ?? catalogue?.entry(id)?.name ?? words(id),
    summary: (id) => translated(id)?.summary ?? catalogue?.entry(id)?.summary ?? "",
    preset: (preset) => ({
      name: texts?.presets[preset.id]?.name ?? preset.name,
      summary: texts?.presets[preset.id]?.summary ?? preset.summary,
    }),
    keywords: (id) => texts?.keywords[id] ?? [],
    category: (category) => texts?.categories[category.id] ?? category.name,
    field: (field) => texts?.fields[plainName(field.name)] ?? field.label,
    option: (option) => texts?.options[option.label.toLowerCase()] ?? option.label,
    helpLanguage: texts ? "en" : undefined,
  };
}

/** `borderWidth` and `border_width` as `border_width`. */
export function plainName(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}

/** For what has no form: the other operations of tasks. */
function words(id: string): string {
  const text = id.replace(/[-_]/g, " ").replace(/\b(pdf|qr)\b/g, (word) => word.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}
