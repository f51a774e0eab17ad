import type { FormField, Settings, ValueForm } from "./entries.ts";

/** The current value of a field: the chosen one, or else its default. */
export function valueNow(field: FormField, settings: Settings): unknown {
  return settings[field.name] ?? field.default;
}

/** Whether a field means something, as the others are. */
export function shown(field: FormField, beside: readonly FormField[], settings: Settings): boolean {
  return Object.entries(field.show_when ?? {}).every(([name, values]) => {
    const other = beside.find((each) => each.name === name);
    return !other || values.includes(valueNow(other, settings));
  });
}

/** Settings with one field changed. Empty values and defaults are left out, unless they are required. */
export function changed(field: FormField, settings: Settings, value: unknown): Settings {
  const { [field.name]: _before, ...others } = settings;
  const asDefault = !field.required && field.default !== undefined && same(value, field.default);
  return empty(value) || asDefault ? others : { ...others, [field.name]: value };
}

/** The settings to send: without the fields that have no meaning with the others. Required ones are there with their defaults. */
export function sent(fields: readonly FormField[], settings: Settings): Settings {
  const found: Record<string, unknown> = {};
  for (const field of fields) {
    if (!shown(field, fields, settings)) continue;
    const value = field.required ? valueNow(field, settings) : settings[field.name];
    if (empty(value)) continue;
    if (field.type === "object") {
      const inner = sent(field.fields ?? [], record(value));
      if (Object.keys(inner).length || field.required) found[field.name] = inner;
    } else if (field.type === "list" && field.fields) {
      const rows = field.fields;
      found[field.name] = list(value).map((row) => sent(rows, record(row)));
    } else found[field.name] = value;
  }
  return found;
}

/** The initial value of a new row of a list. */
export function newRow(form: ValueForm): unknown {
  if (form.fields) return {};
  const item = form.item;
  return item?.type === "enum" ? item.options?.[0]?.value : "";
}

/** A number that was typed, or the text if it is none; undefined if there is nothing. */
export function typed(text: string): number | string | undefined {
  const trimmed = text.trim().replace("−", "-");
  if (trimmed === "") return undefined;
  const number = Number(trimmed.replace(/^(-?\d+),(\d+)$/, "$1.$2"));
  return Number.isFinite(number) ? number : text;
}

export function record(value: unknown): Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Settings) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function empty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function same(one: unknown, other: unknown): boolean {
  if (typeof one === "string" && typeof other === "string" && other.startsWith("#"))
    return one.toLowerCase() === other.toLowerCase();
  return one === other || (typeof one === "object" && JSON.stringify(one) === JSON.stringify(other));
}
