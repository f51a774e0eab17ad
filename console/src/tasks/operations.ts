import { useMemo } from "react";
import { useCatalogue } from "../forms/catalogue.ts";
import { useNames } from "../forms/names.ts";
import { useTexts } from "../i18n/texts.ts";

/** `const name = useOperationName()`; `name("remove_background")`. */
export function useOperationName(): (operation: string) => string {
  const t = useTexts();
  const names = useNames();
  const catalogue = useCatalogue();
  return useMemo(() => {
    const own: Readonly<Record<string, string>> = t.tasks.operationNames;
    return (operation) => {
      const { kind, id } = catalogue?.ofOperation(operation) ?? { kind: "operation" as const, id: operation };
      return own[operation] ?? names.of(kind, id);
    };
  }, [t, names, catalogue]);
}

/** Every operation with its name, by which they are sorted. */
export function useOperations(): { id: string; name: string }[] {
  const t = useTexts();
  const name = useOperationName();
  const catalogue = useCatalogue();
  return useMemo(() => {
    const ids = new Set<string>([...(catalogue?.operationIds() ?? []), ...Object.keys(t.tasks.operationNames)]);
    return [...ids].map((id) => ({ id, name: name(id) })).sort((one, other) => one.name.localeCompare(other.name));
  }, [t, name, catalogue]);
}
