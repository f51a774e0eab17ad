export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type JsonShape =
  | { kind: "plain"; text: string }
  | { kind: "colour"; colour: string }
  | { kind: "picture"; src: string }
  | { kind: "long"; text: string }
  | { kind: "values"; values: readonly Json[] }
  | { kind: "table"; columns: readonly string[]; rows: readonly { readonly [key: string]: Json }[] }
  | { kind: "list"; values: readonly Json[] }
  | { kind: "record"; entries: readonly (readonly [string, Json])[] };

const COLOUR = /^#(?:[0-9a-f]{6}|[0-9a-f]{8})$/i;
const PICTURE = /^data:image\/(?:jpeg|png|webp|gif);base64,/;
const LONG = 160;
const MOST_COLUMNS = 10;

/** How a value is best shown. */
export function shapeOf(value: Json): JsonShape {
  if (typeof value === "string") {
    if (COLOUR.test(value)) return { kind: "colour", colour: value };
    if (PICTURE.test(value)) return { kind: "picture", src: value };
    return value.length > LONG || value.includes("\n") ? { kind: "long", text: value } : { kind: "plain", text: value };
  }
  if (value === null) return { kind: "plain", text: "" };
  if (typeof value === "boolean" || typeof value === "number") return { kind: "plain", text: String(value) };
  if (isList(value)) {
    if (value.every((each) => typeof each !== "object" || each === null)) return { kind: "values", values: value };
    return tableOf(value) ?? { kind: "list", values: value };
  }
  return { kind: "record", entries: Object.entries(value) };
}

/** A list of records with few different keys, whose values are short: rows of a table. */
function tableOf(values: readonly Json[]): JsonShape | undefined {
  const rows = values.filter(isRecord);
  if (rows.length !== values.length) return undefined;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const short = rows.every((row) => Object.values(row).every((each) => !isNested(each)));
  return columns.length <= MOST_COLUMNS && short ? { kind: "table", columns, rows } : undefined;
}

/** Whether a value is more than a cell of a table shows: a point (`{x, y}`) is not. */
function isNested(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  const inner = isList(value) ? value : Object.values(value);
  return inner.length > 4 || inner.some((each) => typeof each === "object" && each !== null && !isPoint(each));
}

function isPoint(value: Json): boolean {
  return (
    isRecord(value) &&
    Object.values(value).length <= 2 &&
    Object.values(value).every((each) => typeof each === "number")
  );
}

/** A small value in one line: `x 12, y 40`. */
export function inLine(value: Json): string {
  if (value === null) return "";
  if (typeof value !== "object") return String(value);
  if (isList(value)) return value.map(inLine).join(", ");
  return Object.entries(value)
    .map(([key, each]) => (isRecord(each) ? `${wordsOf(key)} (${inLine(each)})` : `${wordsOf(key)} ${inLine(each)}`))
    .join(", ");
}

/** `spaceSaveable` and `space_saveable` as `Space saveable`. */
export function wordsOf(key: string): string {
  const text = key
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[_-]+/g, " ")
    .trim();
  const small = text === text.toUpperCase() ? text : text.toLowerCase();
  return small.charAt(0).toUpperCase() + small.slice(1);
}

export function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
