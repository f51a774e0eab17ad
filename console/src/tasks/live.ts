import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { type AccountEvent, useAccountEvents } from "../api/accountEvents.ts";
import type { Filters } from "./filters.ts";
import { keys } from "./keys.ts";
import { Latest } from "./latest.ts";
import { type TaskPages, updated, withoutBatch, withoutTask, withTask } from "./merge.ts";
import { hasEnded, type TaskDetails, type TaskItem } from "./model.ts";

export const latest = new Latest();

/** Tasks may change four times a second each: data that only the server has are requested no more often than that. */
const ASKED_AGAIN_MS = 2000;
const waiting = new Set<string>();

/** Applies the stream's items to all displayed tasks and batches. For pages. */
export function useLiveTasks(): void {
  const queries = useQueryClient();
  useAccountEvents((event) => put(queries, event));
}

function put(queries: QueryClient, event: AccountEvent): void {
  if (event.kind === "list") {
    void queries.invalidateQueries({ queryKey: keys.tasks });
    void queries.invalidateQueries({ queryKey: keys.batches });
  } else if (event.kind === "task") {
    latest.tell(event.task);
    putTask(queries, event.task);
  } else {
    const { taskId, batchId } = event;
    if (taskId) {
      latest.delete(taskId);
      eachList(queries, (pages) => withoutTask(pages, taskId));
    }
    if (batchId) {
      eachList(queries, (pages) => withoutBatch(pages, batchId));
      soon(queries, keys.batchList);
    }
  }
}

function putTask(queries: QueryClient, task: TaskItem): void {
  eachList(queries, (pages, filters) => withTask(pages, task, filters));
  queries.setQueryData<TaskDetails>(keys.task(task.task_id), (details) => details && updated(details, task));
  soon(queries, keys.task(task.task_id));
  if (task.state === "succeeded") soon(queries, keys.result(task.task_id));
  if (!task.batch_id) return;
  soon(queries, keys.batch(task.batch_id));
  soon(queries, keys.batchList);
  if (hasEnded(task.state)) soon(queries, keys.outputs(task.batch_id));
}

/** Change every list of tasks that is in the cache. */
export function eachList(queries: QueryClient, change: (pages: TaskPages, filters: Filters) => TaskPages): void {
  for (const query of queries.getQueryCache().findAll({ queryKey: keys.lists })) {
    const filters = query.queryKey[keys.lists.length] as Filters;
    queries.setQueryData<TaskPages>(query.queryKey, (pages) => pages && change(pages, filters));
  }
}

function soon(queries: QueryClient, queryKey: readonly string[]): void {
  const key = queryKey.join();
  if (waiting.has(key)) return;
  waiting.add(key);
  setTimeout(() => {
    waiting.delete(key);
    void queries.invalidateQueries({ queryKey });
  }, ASKED_AGAIN_MS);
}
