import { useMemo } from "react";
import { type Catalogue, useCatalogue } from "../forms/catalogue.ts";
import type { FormEntry } from "../forms/entries.ts";
import { useNames } from "../forms/names.ts";
import { useTexts } from "../i18n/texts.ts";

/** Operations that go by the name of the tool that does nothing but them. */
const AS_TOOLS = [
  "resize",
  "crop",
  "convert",
  "rotate",
  "border",
  "replace_color",
  "compose",
  "compare",
  "stitch",
  "collage",
  "split",
  "smart_crop",
  "edit_metadata",
  "vectorize",
  "find_duplicates",
  "blur_faces",
  "enhance_faces",
  "colorize",
  "passport_photo",
  "restore_photo",
] as const;

function toolOf(operation: string): string | undefined {
  return AS_TOOLS.some((one) => one === operation) ? operation.replaceAll("_", "-") : undefined;
}

/** The facts about the parameters of an operation. */
export function formOf(catalogue: Catalogue | undefined, operation: string): FormEntry | undefined {
  const tool = toolOf(operation);
  return catalogue?.entry(tool ? { kind: "tool", id: tool } : { kind: "operation", id: operation });
}

/** `const name = useOperationName()`; `name("remove_background")`. */
export function useOperationName(): (operation: string) => string {
  const t = useTexts();
  const names = useNames();
  return useMemo(() => {
    const own: Readonly<Record<string, string>> = t.tasks.operationNames;
    return (operation) => {
      const tool = toolOf(operation);
      return own[operation] ?? (tool ? names.of("tool", tool) : names.of("operation", operation));
    };
  }, [t, names]);
}

/** Every operation with its name, by which they are sorted. */
export function useOperations(): { id: string; name: string }[] {
  const t = useTexts();
  const name = useOperationName();
  const catalogue = useCatalogue();
  return useMemo(() => {
    const forms = catalogue?.forms.operations.map(({ id }) => id) ?? [];
    const ids = new Set<string>([...forms, ...AS_TOOLS, ...Object.keys(t.tasks.operationNames)]);
    return [...ids].map((id) => ({ id, name: name(id) })).sort((one, other) => one.name.localeCompare(other.name));
  }, [t, name, catalogue]);
}
