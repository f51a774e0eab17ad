import { data, once, v1 } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { uniqueId } from "../api/ids.ts";
import { session } from "../api/session.ts";
import type { ServerError } from "../i18n/server.ts";
import { backoff } from "../uploads/outcome.ts";
import { uploads } from "../uploads/uploads.ts";
import { afterUploads, isReady } from "./inputs.ts";
import { operationsOf } from "./operations.ts";
import { batchBody, firstOf, mayBeOne, passes } from "./planning.ts";
import { changed, changeItems, type Entry, entries, keepNow, mine, type Pending } from "./state.ts";
import type { ItemError, RunItem } from "./types.ts";
import { want, watchTasks } from "./watch.ts";

/** Inputs that become ready within this time go into one batch. */
const COLLECT_MS = 1000;
/** How often a server in trouble is asked again; one that is away, for ever. */
const MOST_TRIES = 6;
const ROOM_MS = 15_000;

let timer: ReturnType<typeof setTimeout> | undefined;
let timerAt = Number.POSITIVE_INFINITY;

uploads.watch(look);
session.watch(look);
window.addEventListener("online", () => {
  for (const entry of entries.values()) entry.waitUntil = 0;
  look();
});

/** Look what has become of uploads, and create the tasks that can be created. */
export function look(): void {
  for (const entry of entries.values()) {
    if (!mine(entry)) continue;
    changeItems(entry, (item) => afterUploads(item, uploads.get));
    const ready = entry.run.items.some(isReady);
    if (entry.busy || (!ready && !entry.pending.length)) continue;
    // Others that will be ready at once go with them.
    const more = entry.run.items.some(({ state }) => state === "uploading");
    if (entry.waitUntil <= Date.now() && !more) void dispatch(entry);
    else at(Math.max(entry.waitUntil, Date.now() + (more ? COLLECT_MS : 0)));
  }
}

/** Dispatch at a time, or sooner. */
function at(time: number): void {
  if (time >= timerAt) return;
  clearTimeout(timer);
  timerAt = time;
  timer = setTimeout(() => {
    timerAt = Number.POSITIVE_INFINITY;
    for (const entry of entries.values()) if (mine(entry)) void dispatch(entry);
    look();
  }, time - Date.now());
}

async function dispatch(entry: Entry): Promise<void> {
  const here = () => entries.get(entry.run.id) === entry;
  if (entry.busy) return;
  entry.busy = true;
  try {
    while (here() && entry.waitUntil <= Date.now() && session.token !== null && !session.state.ended) {
      const pending = entry.pending[0] ?? (await composed(entry));
      if (!pending) break;
      await post(entry, pending);
    }
  } finally {
    entry.busy = false;
  }
  if (here() && entry.waitUntil > Date.now()) at(entry.waitUntil);
  watchTasks();
}

/** The next call, kept before it is made: after a reload the same one is made again. */
async function composed(entry: Entry): Promise<Pending | undefined> {
  const ready = firstOf(entry.run.items.filter(isReady));
  if (!ready.length) return undefined;
  return push(
    entry,
    ready.map(({ id }) => id),
  );
}

async function push(entry: Entry, itemIds: string[]): Promise<Pending> {
  const pending = { key: entry.keyed ? uniqueId() : entry.run.id, itemIds };
  entry.keyed = true;
  entry.pending.push(pending);
  changed(entry);
  await keepNow();
  return pending;
}

function done(entry: Entry, pending: Pending): void {
  entry.pending = entry.pending.filter((each) => each !== pending);
  changed(entry);
}

async function post(entry: Entry, pending: Pending): Promise<void> {
  const items = entry.run.items.filter(({ id }) => pending.itemIds.includes(id));
  try {
    const body = batchBody(items, operationsOf(entry.run.steps));
    const created = await data(v1.POST("/v1/batches", { ...once(pending.key), body }));
    entry.tries = 0;
    assign(entry, pending, created.batch?.batch_id ?? "", created.tasks ?? [], created.batch?.errors ?? []);
  } catch (error) {
    await failed(entry, pending, items, error);
  }
}

type Task = { index?: number; task_id?: string };
type Refusal = { index?: number; message?: string; data?: { error_code?: string } & Partial<ServerError> };

function assign(
  entry: Entry,
  pending: Pending,
  batchId: string,
  tasks: readonly Task[],
  refusals: readonly Refusal[],
): void {
  const ids = entry.run.items.filter(({ id }) => pending.itemIds.includes(id)).map(({ id }) => id);
  const taskOf = new Map(tasks.map(({ index = 0, task_id }) => [ids[index], task_id]));
  const refusalOf = new Map(refusals.map((refusal) => [ids[refusal.index ?? 0], refusal]));
  if (!entry.run.batchIds.includes(batchId)) entry.run = { ...entry.run, batchIds: [...entry.run.batchIds, batchId] };
  changeItems(entry, (item) => {
    const taskId = taskOf.get(item.id);
    const refusal = refusalOf.get(item.id);
    if (taskId) {
      // Cancelled while it was created.
      if (item.state === "cancelled") void cancelTask(taskId);
      return { ...item, taskId, batchId };
    }
    if (!refusal || item.state === "cancelled") return item;
    const error = {
      message: refusal.message ?? "",
      reason: refusal.data?.error_code ?? "",
      field: refusal.data?.field,
      allowed: refusal.data?.allowed,
      rule: refusal.data?.rule,
      least: refusal.data?.least,
      most: refusal.data?.most,
    };
    if (!passes(error.reason)) return refusedItem(item, error);
    entry.waitUntil = Date.now() + ROOM_MS;
    return item;
  });
  done(entry, pending);
  // Events before it was known whose tasks these are.
  want(batchId);
}

async function failed(entry: Entry, pending: Pending, items: readonly RunItem[], error: unknown): Promise<void> {
  const known = error instanceof ApiError ? error : new ApiError(500, String(error));
  // Somebody signs in again, and the same call is made.
  if (known.status === 401) {
    entry.waitUntil = Date.now() + COLLECT_MS;
    return;
  }
  const soon = known.passing || passes(known.reason) || known.reason === "idempotency_in_progress";
  const away = known.status === 0 || (!known.reason && known.status >= 502);
  if (soon && (away || passes(known.reason) || entry.tries < MOST_TRIES)) {
    entry.tries += 1;
    entry.waitUntil = Date.now() + (known.retryAfter ? known.retryAfter * 1000 : backoff(entry.tries));
    return;
  }
  entry.tries = 0;
  done(entry, pending);
  // The earlier request with this key had other operations: a new key is made.
  if (known.reason === "idempotency_key_mismatch") return;
  if (items.length > 1 && mayBeOne(known)) {
    // All were refused, and the reply describes the first: each reports its own problem.
    for (const { id } of items) await push(entry, [id]);
    return;
  }
  const ids = new Set(pending.itemIds);
  changeItems(entry, (item) => (ids.has(item.id) ? refusedItem(item, known) : item));
}

function refusedItem(item: RunItem, { message, reason, field, allowed, rule, least, most }: ItemError): RunItem {
  if (item.state === "cancelled") return item;
  return { ...item, state: "failed", error: { message, reason, field, allowed, rule, least, most } };
}

export async function cancelTask(id: string): Promise<void> {
  await v1.POST("/v1/tasks/{id}/cancel", { params: { path: { id } } }).catch(() => {});
}
