import { ApiError } from "../api/errors.ts";

/** The labels for a server's path to a field. */
export type FieldPlace = {
  /** Index of the file or item that it is about. */
  item?: number;
  /** Index of the step: the operation of a task, or the tool of a pipeline. */
  step?: number;
  /** The field within the settings, such as `effects.shadow`; empty for all of them. */
  field: string;
};

const ITEM = /^items?\[(\d+)\]\.?/;
const OPERATION = /^operations\[(\d+)\](?:\.[a-z][a-z0-9_]*)?\.?/;
const ONE_OPERATION = /^operation\.(?:[a-z][a-z0-9_]*)\.?/;
const STEP = /^(?:pipeline\.)?steps(?:\[(\d+)\]|\.(\d+))\.?/;
const SETTINGS = /^settings\.?/;

/** Where a server's path leads: `items[0].operations[1].resize.width` is `width` of step 1 of item 0, `width` is `width`. */
export function fieldOf(path: string): FieldPlace {
  const place: FieldPlace = { field: "" };
  let rest = path;
  const item = ITEM.exec(rest);
  if (item) {
    place.item = Number(item[1]);
    rest = rest.slice(item[0].length);
  }
  const step = OPERATION.exec(rest) ?? STEP.exec(rest);
  if (step) {
    place.step = Number(step[1] ?? step[2]);
    rest = rest.slice(step[0].length);
  } else rest = rest.replace(ONE_OPERATION, "");
  // Lists within settings are `boxes[0]` or `boxes.0`.
  place.field = rest.replace(SETTINGS, "").replace(/\.(\d+)(?=\.|$)/g, "[$1]");
  return place;
}

/** The errors of a form's fields in a refused call; `step` picks those of one step of several. */
export function fieldErrorsOf(error: unknown, step?: number): Readonly<Record<string, string>> {
  if (!(error instanceof ApiError) || !error.field) return {};
  const place = fieldOf(error.field);
  if (step !== undefined && place.step !== undefined && place.step !== step) return {};
  return place.field ? { [place.field]: error.message } : {};
}
