import { ApiError } from "../api/errors.ts";
import type { Choice, Operation, RunItem } from "./types.ts";

/** The most items of one call, which takes 500, and the most files of all its items. */
export const MOST_ITEMS = 200;
export const MOST_FILES = 5000;

/** A name that no file has: operations in which it is found depend on the name of the file. */
const PROBE = "name-of-the-file-4f1c";

export type Group = { kind: "tools"; steps: Choice[] } | { kind: "operation"; step: Choice };

/** Steps as they are planned: tools that follow each other in one call. */
export function groupsOf(steps: readonly Choice[]): Group[] {
  const groups: Group[] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (step.kind === "operation") groups.push({ kind: "operation", step });
    else if (last?.kind === "tools") last.steps.push(step);
    else groups.push({ kind: "tools", steps: [step] });
  }
  return groups;
}

export type PlannedFile = { part: string; operation: number; field: string };

/** Put the ids of the extra files of tools into their operations. */
export function withFiles(
  operations: readonly Record<string, unknown>[],
  planned: readonly { operations: number }[],
  files: readonly PlannedFile[],
  steps: readonly Choice[],
): Operation[] {
  const filled = structuredClone(operations) as Record<string, unknown>[];
  for (const { part, operation, field } of files) {
    let step = 0;
    for (let end = planned[0]?.operations ?? 0; end <= operation && step < steps.length; ) {
      step += 1;
      end += planned[step]?.operations ?? 1;
    }
    const id = steps[step]?.files?.[part];
    if (!id) throw new ApiError(400, `The file “${part}” is missing.`, { reason: "file_needed", field: part });
    put(filled[operation], field.split("."), id);
  }
  return filled as Operation[];
}

function put(target: Record<string, unknown> | undefined, [name, ...rest]: readonly string[], value: string): void {
  if (!target || name === undefined) return;
  if (!rest.length) {
    target[name] = value;
    return;
  }
  const inside = target[name];
  const next = typeof inside === "object" && inside !== null ? (inside as Record<string, unknown>) : {};
  target[name] = next;
  put(next, rest, value);
}

export function grouped<Value>(values: readonly Value[], keyOf: (value: Value) => string): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

/** With the dot, in lower case; empty if there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot).toLowerCase() : "";
}

/** The name under which the operations for all files with one extension are planned. */
export function probeOf(extension: string): string {
  return PROBE + extension;
}

export function dependOnName(operations: readonly Operation[]): boolean {
  return JSON.stringify(operations).includes(PROBE);
}

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

export type BatchBody = {
  mode: "per_item";
  items: { file_ids: string[]; operations?: Operation[] }[];
  operations: Operation[];
};

/** The call that creates the items' tasks; what most of them do is said once. */
export function batchBody(items: readonly { item: RunItem; operations: Operation[] }[]): BatchBody {
  const counts = new Map<string, { operations: Operation[]; count: number }>();
  for (const { operations } of items) {
    const text = JSON.stringify(operations);
    counts.set(text, { operations, count: (counts.get(text)?.count ?? 0) + 1 });
  }
  const [usual = ["[]", { operations: [] as Operation[], count: 0 }]] = [...counts].sort(
    ([, one], [, other]) => other.count - one.count,
  );
  return {
    mode: "per_item",
    operations: usual[1].operations,
    items: items.map(({ item, operations }) => ({
      file_ids: item.inputs.flatMap(({ fileId }) => fileId ?? []),
      ...(JSON.stringify(operations) !== usual[0] && { operations }),
    })),
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
