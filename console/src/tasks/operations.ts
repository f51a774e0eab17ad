import { useMemo } from "react";
import { useCatalogue } from "../forms/catalogue.ts";
import { useNames } from "../forms/names.ts";
import { useTexts } from "../i18n/texts.ts";

/** `const name = useOperationName()`; `name("remove_background")`. */
export function useOperationName(): (operation: string) => string {
  const t = useTexts();
  const names = useNames();
  return useMemo(() => {
    const own: Readonly<Record<string, string>> = t.tasks.operationNames;
    return (operation) => own[operation] ?? names.of(operation);
  }, [t, names]);
}

/** Every operation with its name, by which they are sorted. */
export function useOperations(): { id: string; name: string }[] {
  const t = useTexts();
  const name = useOperationName();
  const catalogue = useCatalogue();
  return useMemo(() => {
    const ids = new Set([
      ...(catalogue?.forms.operations.map(({ id }) => id) ?? []),
      ...Object.keys(t.tasks.operationNames),
    ]);
    return [...ids].map((id) => ({ id, name: name(id) })).sort((one, other) => one.name.localeCompare(other.name));
  }, [t, name, catalogue]);
}
