import type { components } from "../../generated/v1.ts";
import type { TaskNow } from "../api/taskEvents.ts";
import type { Run, RunItem, RunSummary } from "./types.ts";

export type TaskResult = components["schemas"]["TaskResult"];

export function isOpen({ state }: RunItem): boolean {
  return state === "uploading" || state === "queued" || state === "running";
}

/** Whether the server has taken a part of a run, or nothing of it is left to send. */
export function isAccepted(run: Run): boolean {
  return run.items.some(({ taskId }) => taskId) || !run.items.some(isOpen);
}

/** How far a run is. An upload is half of the way of its item. */
export function summary(run: Run): RunSummary {
  const count = { total: run.items.length, succeeded: 0, failed: 0, cancelled: 0, open: 0 };
  let done = 0;
  for (const item of run.items) {
    if (item.state === "succeeded" || item.state === "failed" || item.state === "cancelled") {
      count[item.state] += 1;
      done += 1;
    } else {
      count.open += 1;
      const uploaded = item.inputs.some(({ uploadId }) => uploadId) ? 0.5 : 0;
      done += item.state === "uploading" ? item.progress * uploaded : uploaded + item.progress * (1 - uploaded);
    }
  }
  return { ...count, progress: count.total ? done / count.total : 0 };
}

/** Progress says nothing about the time before. */
const LEAST_SECONDS = 3;
const LEAST_PROGRESS = 0.05;

/** Seconds until a run ends, by how long it was expected to take and how fast it is; undefined while nobody knows. `now` is in milliseconds. */
export function secondsLeft(run: Run, now: number): number | undefined {
  const { total, open, progress } = summary(run);
  if (!open) return undefined;
  const { at, progress: before } = run.resumed ?? { at: run.startedAt, progress: 0 };
  const elapsed = (now - at) / 1000;
  const each = run.secondsEach;
  if (each !== undefined && total === 1 && elapsed < each) return each - elapsed;
  const made = progress - before;
  if (elapsed >= LEAST_SECONDS && made >= LEAST_PROGRESS) return (elapsed * (1 - progress)) / made;
  return each === undefined ? undefined : each * open;
}

/**
 * An item after news of its task. One that has succeeded is `running` until its result is read, so that `succeeded` always means that
 * the files are there.
 */
export function afterNews(item: RunItem, task: TaskNow): RunItem {
  if (!isOpen(item)) return { ...item, credits: task.credits };
  const next: RunItem = { ...item, progress: task.progress ?? item.progress, message: task.message };
  switch (task.state) {
    case "succeeded":
      return { ...next, state: "running", progress: 1, credits: task.credits, message: undefined };
    case "failed":
    case "cancelled":
      return { ...withFailure(next, task.error_type, task.error_message), credits: task.credits };
    case "running":
      return { ...next, state: "running" };
    default:
      return { ...next, state: "queued" };
  }
}

/** An item after its result was read. */
export function afterResult(item: RunItem, result: TaskResult): RunItem {
  const next: RunItem = { ...item, notices: result.notices ?? [] };
  if (result.status === "Succeeded") {
    const { files = [], zip_file: zip } = result;
    const { unchanged = false } = result;
    return { ...next, state: "succeeded", progress: 1, message: undefined, error: undefined, files, zip, unchanged };
  }
  if (result.status === "Failed") return withFailure(next, result.error_type, result.error_message);
  return isOpen(item) ? { ...next, state: result.status === "Processing" ? "running" : "queued" } : next;
}

function withFailure(item: RunItem, reason = "", message = ""): RunItem {
  const ended: RunItem = { ...item, progress: 1, message: undefined };
  if (reason === "cancelled") return { ...ended, state: "cancelled" };
  return { ...ended, state: "failed", error: { reason, message } };
}

/** An item that is to be done again, from its uploads on. */
export function again(item: RunItem): RunItem {
  return {
    id: item.id,
    inputs: item.inputs,
    state: item.inputs.some(({ fileId }) => !fileId) ? "uploading" : "queued",
    progress: 0,
    files: [],
    notices: [],
  };
}
