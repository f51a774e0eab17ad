import type { FormEntry, FormField, Settings, ValueForm } from "./entries.ts";
import { list, record, shown, valueNow } from "./values.ts";

export type FaultKind =
  | "missing"
  | "either"
  | "number"
  | "whole"
  | "least"
  | "above"
  | "most"
  | "short"
  | "long"
  | "pattern"
  | "color"
  | "choice"
  | "rows"
  | "box";

/** The problem with a field, such as `effects.shadow` or `boxes[0]`. */
export type Fault = { path: string; kind: FaultKind; limit?: number; must?: string; names?: readonly string[] };

/** Whether it can be run so. */
export function validSettings(entry: Pick<FormEntry, "fields" | "one_of">, settings: Settings): boolean {
  return faultsOfEntry(entry, settings).length === 0;
}

/** The problems with the settings of a tool or an operation. */
export function faultsOfEntry(entry: Pick<FormEntry, "fields" | "one_of">, settings: Settings): readonly Fault[] {
  const missing = (entry.one_of ?? []).filter((names) =>
    names.every((name) => {
      const field = entry.fields.find((each) => each.name === name);
      return field && shown(field, entry.fields, settings) && none(valueNow(field, settings));
    }),
  );
  const groups = missing.map((names) => ({ path: names[0] ?? "", kind: "either" as const, names }));
  return [...groups, ...faultsOf(entry.fields, settings)];
}

function none(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);
}

/** The problems with settings, in the order of the fields. Hidden fields cannot be wrong. */
export function faultsOf(fields: readonly FormField[], settings: Settings, before = ""): readonly Fault[] {
  return fields
    .filter((field) => shown(field, fields, settings))
    .flatMap((field) => {
      const path = `${before}${field.name}`;
      const value = valueNow(field, settings);
      if (field.type === "object")
        return none(value) && !field.required ? [] : faultsOf(field.fields ?? [], record(value), `${path}.`);
      if (none(value)) return field.required ? [{ path, kind: "missing" as const }] : [];
      return faultsOfValue(field, value, path);
    });
}

function faultsOfValue(form: ValueForm, value: unknown, path: string): readonly Fault[] {
  switch (form.type) {
    case "integer":
    case "number":
      return number(form, value, path);
    case "string":
    case "text":
      return text(form, String(value), path);
    case "color":
      return colour(form, String(value)) ? [] : [{ path, kind: "color" }];
    case "enum":
      return form.options?.some((option) => option.value === value) ? [] : [{ path, kind: "choice" }];
    case "boxes":
      return [...rows(form, value, path), ...list(value).flatMap((box, index) => boxFaults(box, `${path}[${index}]`))];
    case "list":
      return [
        ...rows(form, value, path),
        ...list(value).flatMap((row, index) => rowFaults(form, row, `${path}[${index}]`)),
      ];
    default:
      return [];
  }
}

function number(form: ValueForm, value: unknown, path: string): readonly Fault[] {
  if (typeof value !== "number" || !Number.isFinite(value)) return [{ path, kind: "number" }];
  if (form.type === "integer" && !Number.isInteger(value)) return [{ path, kind: "whole" }];
  if (form.min !== undefined && value < form.min) return [{ path, kind: "least", limit: form.min }];
  if (form.min_exclusive !== undefined && value <= form.min_exclusive)
    return [{ path, kind: "above", limit: form.min_exclusive }];
  if (form.max !== undefined && value > form.max) return [{ path, kind: "most", limit: form.max }];
  return [];
}

function text(form: ValueForm, value: string, path: string): readonly Fault[] {
  const length = [...value].length;
  if (form.min_length !== undefined && length < form.min_length)
    return [{ path, kind: "short", limit: form.min_length }];
  if (form.max_length !== undefined && length > form.max_length)
    return [{ path, kind: "long", limit: form.max_length }];
  if (form.pattern && !matches(form.pattern, value))
    return [{ path, kind: "pattern", ...(form.must && { must: form.must }) }];
  return [];
}

/** Whether a text is as the server's pattern asks; one that this language cannot read is left to the server. */
function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

export function colour(form: Pick<ValueForm, "also" | "alpha">, value: string): boolean {
  if (form.also?.includes(value)) return true;
  return /^#[0-9a-f]{6}$/i.test(value) || (form.alpha === true && /^#[0-9a-f]{8}$/i.test(value));
}

function rows(form: ValueForm, value: unknown, path: string): readonly Fault[] {
  const many = form.max_items !== undefined && list(value).length > form.max_items;
  return many ? [{ path, kind: "rows", limit: form.max_items ?? 0 }] : [];
}

function rowFaults(form: ValueForm, row: unknown, path: string): readonly Fault[] {
  if (form.fields) return faultsOf(form.fields, record(row), `${path}.`);
  if (row === undefined || row === "") return [{ path, kind: "missing" }];
  return form.item ? faultsOfValue(form.item, row, path) : [];
}

function boxFaults(box: unknown, path: string): readonly Fault[] {
  const { x1, y1, x2, y2 } = record(box) as Record<string, number>;
  const sides = [x1, y1, x2, y2];
  const within = sides.every((side) => typeof side === "number" && side >= 0 && side <= 100);
  return within && Number(x1) < Number(x2) && Number(y1) < Number(y2) ? [] : [{ path, kind: "box" }];
}
