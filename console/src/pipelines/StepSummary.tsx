import type { FormEntry, FormField, Settings } from "../forms/entries.ts";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";

/** So many settings are named on a card. */
const MOST_NAMED = 3;

/** The chosen settings of a step, in short. */
export function StepSummary({ entry, settings }: { entry: FormEntry | undefined; settings: Settings }) {
  const t = useTexts();
  const formats = useFormats();

  function inWords(value: unknown, field: FormField | undefined): string {
    if (typeof value === "boolean") return value ? t.common.yes : t.common.no;
    const option = field?.options?.find((one) => one.value === value);
    if (option) return option.label;
    if (typeof value === "number") return [formats.number(value), field?.unit].filter(Boolean).join(" ");
    return typeof value === "string" ? value : "…";
  }

  const set = Object.entries(settings).map(([name, value]) => {
    const field = entry?.fields.find((one) => one.name === name);
    return `${field?.label ?? name}: ${inWords(value, field)}`;
  });
  if (!set.length) return <span className="muted">{t.tasks.defaults}</span>;
  return (
    <span className="muted step-summary">
      {set.slice(0, MOST_NAMED).join(", ")}
      {set.length > MOST_NAMED && ", …"}
    </span>
  );
}
