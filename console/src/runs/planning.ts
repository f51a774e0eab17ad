import type { ApiError } from "../api/errors.ts";
import type { Operation, RunItem } from "./types.ts";

/** The most items of one call, which takes 500, and the most files of all its items. */
export const MOST_ITEMS = 200;
export const MOST_FILES = 5000;

/** The first items that one call takes. */
export function firstOf(items: readonly RunItem[]): RunItem[] {
  const taken: RunItem[] = [];
  let files = 0;
  for (const item of items) {
    files += item.inputs.length;
    if (taken.length === MOST_ITEMS || (taken.length && files > MOST_FILES)) break;
    taken.push(item);
  }
  return taken;
}

export type BatchBody = { mode: "per_item"; items: { file_ids: string[] }[]; operations: Operation[] };

/** The call that creates the items' tasks. */
export function batchBody(items: readonly RunItem[], operations: Operation[]): BatchBody {
  return {
    mode: "per_item",
    operations,
    items: items.map(({ inputs }) => ({ file_ids: inputs.flatMap(({ fileId }) => fileId ?? []) })),
  };
}

/** Refusals that pass by themselves: the item is sent again later. */
export function passes(reason: string): boolean {
  return reason === "too_many_tasks" || reason === "rate_limited" || reason === "unavailable" || reason === "disk_full";
}

/** Whether a refusal of a whole call may be about its first item alone. */
export function mayBeOne(error: ApiError): boolean {
  return /^items\[\d+\]\.file_ids/.test(error.field ?? "") || /^(file|media)_/.test(error.reason);
}
