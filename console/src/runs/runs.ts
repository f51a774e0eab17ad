import { useSyncExternalStore } from "react";
import { body, v1 } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { uniqueId } from "../api/ids.ts";
import { session } from "../api/session.ts";
import { claiming, liveTabs, TAB, whenGone } from "../uploads/tabs.ts";
import { uploads } from "../uploads/uploads.ts";
import { look } from "./engine.ts";
import { UPLOAD_FIELD } from "./inputs.ts";
import { again, isOpen, summary } from "./progress.ts";
import { archive } from "./results.ts";
import {
  type Ask,
  add,
  announce,
  askOther,
  begin,
  changed,
  changeItems,
  end,
  entries,
  entryOf,
  forget,
  keepNow,
  keptRuns,
  mine,
  state,
  tell,
} from "./state.ts";
import type { Choice, ResultFile, Run, RunInput, RunItem } from "./types.ts";
import { want, watchTasks } from "./watch.ts";

type Start = { together?: boolean; key?: string; secondsEach?: number | undefined };

let opening: Promise<void> = Promise.resolve();

/** Operations on many inputs. They go on while other pages are shown, and after a reload. */
export const runs = {
  /** Begin with what is kept for an owner, and with the owner's uploads. */
  async open(owner: string): Promise<void> {
    await uploads.open(owner);
    if (state.owner !== owner) opening = begun(owner);
    return opening;
  },

  /**
   * Do steps with inputs: one task for all of them `together`, or one for each. Files that are still uploading follow when they are ready.
   * `key` is the id of the run, and the idempotency key of its first call: started twice, it is one run.
   */
  start(
    steps: readonly Choice[],
    inputs: readonly RunInput[],
    { together = false, key = uniqueId(), secondsEach }: Start = {},
  ): Run {
    const known = entries.get(key)?.run;
    if (known) return known;
    const groups = together ? [[...inputs]] : inputs.map((input) => [input]);
    const items = groups.map((group) => again({ id: uniqueId(), inputs: group } as RunItem));
    const run: Run = { id: key, steps: [...steps], startedAt: Date.now(), together, items, batchIds: [], secondsEach };
    add(entryOf(run, TAB));
    announce();
    look();
    return entries.get(run.id)?.run ?? run;
  },

  /** Do again what has failed or was cancelled, or those of it that are named. */
  retry(runId: string, itemIds?: readonly string[]): void {
    const entry = entries.get(runId);
    if (!entry) return;
    if (!mine(entry)) {
      askOther({ ask: "retry", id: runId, itemIds });
      return;
    }
    const chosen = (item: RunItem) =>
      (item.state === "failed" || item.state === "cancelled") && (!itemIds || itemIds.includes(item.id));
    const unsent = entry.run.items.filter((item) => chosen(item) && item.error?.field === UPLOAD_FIELD);
    uploads.retry(unsent.flatMap(({ inputs }) => inputs.flatMap(({ uploadId }) => uploadId ?? [])));
    changeItems(entry, (item) => (chosen(item) ? again(item) : item));
    entry.run = { ...entry.run, resumed: { at: Date.now(), progress: summary(entry.run).progress } };
    Object.assign(entry, { tries: 0, waitUntil: 0 });
    look();
  },

  async cancel(runId: string): Promise<void> {
    const entry = entries.get(runId);
    if (!entry) return;
    if (!mine(entry)) askOther({ ask: "cancel", id: runId });
    const batches = new Set(entry.run.items.flatMap((item) => (isOpen(item) && item.batchId ? item.batchId : [])));
    changeItems(entry, (item) => (isOpen(item) && !item.taskId ? { ...item, state: "cancelled" } : item));
    for (const id of batches) {
      try {
        await body(v1.POST("/v1/batches/{id}/cancel", { params: { path: { id } } }));
      } catch (error) {
        // All its tasks have ended meanwhile.
        if (!(error instanceof ApiError && error.status === 409)) throw error;
      }
      want(id);
    }
  },

  /** Take a run from the list. Its tasks and results stay at the server. */
  remove(runId: string): void {
    forget(runId, true);
    watchTasks();
  },

  /** All results as one ZIP archive. */
  async archive(runId: string): Promise<ResultFile> {
    const run = entries.get(runId)?.run;
    if (!run) throw new ApiError(400, "There are no results to pack.", { reason: "nothing_to_pack" });
    return archive(run);
  },

  get(runId: string): Run | undefined {
    return entries.get(runId)?.run;
  },

  watch: state.watch,
};

/** All runs, those that were started last first. */
export function useRuns(): readonly Run[] {
  return useSyncExternalStore(state.watch, () => state.list);
}

export function useRun(id: string): Run | undefined {
  return useSyncExternalStore(state.watch, () => entries.get(id)?.run);
}

async function begun(owner: string): Promise<void> {
  await begin(owner, asked);
  if (state.owner === owner) await claim();
}

session.watch(() => {
  if (session.token === null && state.owner !== undefined) end();
});

/** A request from another tab to this one. */
function asked({ ask, id, itemIds }: Ask): void {
  const entry = entries.get(id);
  if (!entry || !mine(entry)) return;
  if (ask === "retry") runs.retry(id, itemIds);
  // The other tab has cancelled what is a task already.
  else changeItems(entry, (item) => (isOpen(item) && !item.taskId ? { ...item, state: "cancelled" } : item));
}

/** Show what is kept, and go on with what no other tab goes on with. */
async function claim(): Promise<void> {
  const { owner } = state;
  const waited = new Set<string>();
  await claiming(async () => {
    const live = await liveTabs();
    const found = await keptRuns();
    if (state.owner !== owner) return;
    for (const { id, run, tab, pending } of found) {
      const entry = entries.get(id) ?? entryOf(run, tab, pending);
      entries.set(id, entry);
      if (mine(entry)) continue;
      if (live.has(entry.tab)) {
        waited.add(entry.tab);
        continue;
      }
      entry.tab = TAB;
      changed(entry);
      for (const batchId of run.batchIds)
        if (run.items.some((item) => isOpen(item) && item.batchId === batchId)) want(batchId);
    }
    await keepNow();
  });
  if (state.owner !== owner) return;
  tell();
  for (const tab of waited) whenGone(tab, () => void claim());
  look();
  watchTasks();
}
