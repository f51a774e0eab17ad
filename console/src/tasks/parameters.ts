/** `path` says where it is: `["background", "color"]`, `["boxes", "1", "x"]`. */
export type Row = { path: readonly string[]; value: string | number | boolean };
export type OperationRows = { operation: string; rows: Row[] };

/** Operations as lists of what was set in them, in order. */
export function operationRows(parameters: readonly object[]): OperationRows[] {
  return parameters.flatMap((operation) =>
    Object.entries(operation).map(([name, settings]) => ({ operation: name, rows: rowsOf(settings) })),
  );
}

/** Everything that a JSON value holds, a row each: what is inside of something else is named after it. */
export function rowsOf(value: unknown): Row[] {
  return rows(value, []);
}

function rows(value: unknown, path: readonly string[]): Row[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object" || item === null))
      return value.length ? [row(path, value.join(", "))] : [];
    return value.flatMap((item, index) => rows(item, [...path, String(index + 1)]));
  }
  if (typeof value === "object") return Object.entries(value).flatMap(([key, inner]) => rows(inner, [...path, key]));
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return [row(path, value)];
  return [];
}

function row(path: readonly string[], value: Row["value"]): Row {
  return { path, value };
}

/**
 * Whether somebody has set it. The server also sends fields that nobody has set: with 0, false or an empty text. A field that is
 * something else by default may have been set to those. In an entry of a list, 0 is a value.
 */
export function isSet({ path, value }: Row, field: { default?: unknown; min?: number } | undefined): boolean {
  if (value === "") return false;
  if (path.some((part) => /^\d+$/.test(part))) return true;
  if (value === false) return field?.default === true;
  if (value !== 0 && value !== "0") return true;
  return Boolean(field?.default) && (field?.min ?? 0) <= 0;
}
