import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useLanguage } from "../i18n/texts.ts";
import type { ToolTexts } from "../i18n/tools.zh.ts";
import { type Catalogue, useCatalogue } from "./catalogue.ts";
import type { Category, ChoiceKind, FormField, Option } from "./entries.ts";

/** The names of tools, operations, categories, fields and their values in the chosen language. */
export type Names = {
  of: (kind: ChoiceKind, id: string) => string;
  summary: (kind: ChoiceKind, id: string) => string;
  category: (category: Category) => string;
  field: (field: Pick<FormField, "name" | "label">) => string;
  option: (option: Option) => string;
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
  return useMemo(() => names(catalogue, chinese ? texts : undefined), [catalogue, chinese, texts]);
}

/** The name of a tool or an operation: `useToolName("operation", "remove_background")`. */
export function useToolName(kind: ChoiceKind, id: string): string {
  return useNames().of(kind, id);
}

function names(catalogue: Catalogue | undefined, texts: ToolTexts | undefined): Names {
  const translated = (kind: ChoiceKind, id: string) => (kind === "tool" ? texts?.tools[id] : undefined);
  return {
    of: (kind, id) =>
      translated(kind, id)?.name ?? catalogue?.entry({ kind, id })?.name ?? texts?.operations[id]?.name ?? words(id),
    summary: (kind, id) => translated(kind, id)?.summary ?? catalogue?.entry({ kind, id })?.summary ?? "",
    category: (category) => category.name,
    field: (field) => own(field.label) ?? texts?.fields[plainName(field.name)] ?? field.label,
    option: (option) => own(option.label) ?? texts?.options[option.label.toLowerCase()] ?? option.label,
  };
}

/** A text that is not English. */
function own(text: string): string | undefined {
  return /\p{Script=Han}/u.test(text) ? text : undefined;
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
