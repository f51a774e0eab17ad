import { type AccountEvent, onAccountEvent, stream } from "../api/accountEvents.ts";
import { data, v1 } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { session } from "../api/session.ts";
import type { TaskNow } from "../api/taskEvents.ts";
import { afterNews, afterResult, isOpen, type TaskResult } from "./progress.ts";
import { changeItem, changeItems, type Entry, entries, mine, state } from "./state.ts";
import type { RunItem } from "./types.ts";

/** Results are read so often at most. */
const READ_MS = 1500;
const POLL_MS = 5000;
/** So few results are read one by one, more with their batch. */
const FEW = 4;
const PAGE = 500;

/** The newest event that is known of each task. */
const sequences = new Map<string, number>();
/** Results to read: of some tasks of a batch, or of all. */
const wanted = new Map<string, Set<string> | "all">();
let stop: (() => void) | undefined;
let reading: ReturnType<typeof setTimeout> | undefined;
let polling: ReturnType<typeof setInterval> | undefined;

/** Hear of tasks for as long as any are open. */
export function watchTasks(): void {
  const open = [...entries.values()].filter((entry) => mine(entry) && openBatches(entry).length);
  if (!open.length) {
    stop?.();
    clearInterval(polling);
    stop = polling = undefined;
    sequences.clear();
    return;
  }
  if (stop) return;
  stop = onAccountEvent(hear);
  polling = setInterval(() => {
    if (!stream.connected) wantAll();
  }, POLL_MS);
  // A stream that is there already has nothing to say about the past.
  if (stream.connected) wantAll();
}

/** Read a batch's results soon. */
export function want(batchId: string, taskId?: string): void {
  const some = wanted.get(batchId);
  if (!taskId) wanted.set(batchId, "all");
  else if (some !== "all") wanted.set(batchId, (some ?? new Set()).add(taskId));
  if (!reading) reading = setTimeout(() => void read(), READ_MS);
}

function wantAll(): void {
  for (const entry of entries.values()) if (mine(entry)) for (const id of openBatches(entry)) want(id);
}

function openBatches({ run }: Entry): string[] {
  return [...new Set(run.items.flatMap((item) => (isOpen(item) && item.taskId && item.batchId ? item.batchId : [])))];
}

function hear(event: AccountEvent): void {
  if (event.kind === "list") wantAll();
  else if (event.kind === "task") news(event.task);
  else gone(event.taskId, event.batchId);
}

function news(task: TaskNow): void {
  const item = apply(task);
  const ended = task.state === "succeeded" || task.state === "failed";
  if (ended && item?.batchId && item.state !== "succeeded") want(item.batchId, task.task_id);
}

/** Change the item of a task, and return its earlier state; undefined if there is none, or nothing new. */
function apply(task: TaskNow): RunItem | undefined {
  if ((sequences.get(task.task_id) ?? 0) >= task.sequence) return undefined;
  const entry = entryWith(({ taskId }) => taskId === task.task_id);
  const item = entry?.run.items.find(({ taskId }) => taskId === task.task_id);
  if (!entry || !item) return undefined;
  sequences.set(task.task_id, task.sequence);
  changeItem(entry, item.id, () => afterNews(item, task));
  return item;
}

/** Somebody has deleted a task or a batch, and its results. */
function gone(taskId: string | undefined, batchId: string | undefined): void {
  for (const entry of entries.values()) {
    if (!mine(entry)) continue;
    changeItems(entry, (item) => {
      const it = item.taskId && (item.taskId === taskId || item.batchId === batchId);
      const error = { message: "", reason: "deleted" };
      return it ? { ...item, state: "cancelled", error, files: [], zip: undefined, message: undefined } : item;
    });
  }
}

function entryWith(is: (item: RunItem) => boolean): Entry | undefined {
  return [...entries.values()].find((entry) => mine(entry) && entry.run.items.some(is));
}

async function read(): Promise<void> {
  const now = [...wanted];
  wanted.clear();
  await readAll(now);
  reading = wanted.size ? setTimeout(() => void read(), READ_MS) : undefined;
  watchTasks();
}

async function readAll(now: readonly [string, Set<string> | "all"][]): Promise<void> {
  const { owner } = state;
  // While nobody is signed in, it is read later.
  const signedIn = session.token !== null && !session.state.ended;
  for (const [batchId, tasks] of now) {
    try {
      if (signedIn && owner !== undefined) await readBatch(batchId, tasks);
    } catch (error) {
      if (state.owner !== owner) return;
      if (error instanceof ApiError && error.status === 404) {
        // One of some tasks, or the batch.
        if (tasks === "all") gone(undefined, batchId);
        else want(batchId);
      } else if (error instanceof ApiError && !error.passing) continue;
      // Without the stream, the poll asks again.
      else if (stream.connected) setTimeout(() => want(batchId), POLL_MS);
    }
  }
}

async function readBatch(batchId: string, tasks: Set<string> | "all"): Promise<void> {
  if (tasks !== "all" && tasks.size <= FEW) {
    for (const id of tasks) take(await data(v1.GET("/v1/tasks/{id}/result", { params: { path: { id } } })));
    return;
  }
  // The list has the progress and price of each; the other one has the files.
  const query = { batch_id: batchId, page_size: PAGE };
  for (const task of (await data(v1.GET("/v1/tasks", { params: { query } }))).items ?? []) apply(task);
  let page_token: string | undefined;
  do {
    const params = { path: { id: batchId }, query: { page_size: PAGE, page_token } };
    const page = await data(v1.GET("/v1/batches/{id}/tasks", { params }));
    for (const { result } of page.items ?? []) if (result) take(result);
    page_token = page.next_page_token;
  } while (page_token);
}

function take(result: TaskResult): void {
  const entry = entryWith(({ taskId }) => taskId === result.task_id);
  const item = entry?.run.items.find(({ taskId }) => taskId === result.task_id);
  if (entry && item) changeItem(entry, item.id, () => afterResult(item, result));
}
