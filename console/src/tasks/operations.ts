import { useMemo } from "react";
import { useCatalogue } from "../forms/catalogue.ts";
import { useNames } from "../forms/names.ts";
import { type Texts, useTexts } from "../i18n/texts.ts";

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

/** `const name = useOperationName()`; `name("remove_background")`. */
export function useOperationName(): (operation: string) => string {
  const t = useTexts();
  const names = useNames();
  return useMemo(() => {
    const own: Readonly<Record<string, string>> = t.tasks.operationNames;
    return (operation) =>
      own[operation] ??
      (AS_TOOLS.some((one) => one === operation)
        ? names.of("tool", operation.replaceAll("_", "-"))
        : names.of("operation", operation));
  }, [t, names]);
}

/** Every operation with its name, by which they are sorted. */
export function useOperations(): { id: string; name: string }[] {
  const t: Texts = useTexts();
  const name = useOperationName();
  const catalogue = useCatalogue();
  return useMemo(() => {
    const forms = catalogue?.forms.operations.map(({ id }) => id) ?? [];
    const ids = new Set<string>([...forms, ...AS_TOOLS, ...Object.keys(t.tasks.operationNames)]);
    return [...ids].map((id) => ({ id, name: name(id) })).sort((one, other) => one.name.localeCompare(other.name));
  }, [t, name, catalogue]);
}
