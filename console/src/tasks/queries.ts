import { type InfiniteData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useStreamConnected } from "../api/accountEvents.ts";
import { data, v1 } from "../api/client.ts";
import { asked, type Filters } from "./filters.ts";
import { keys } from "./keys.ts";
import { latest } from "./live.ts";
import { caughtUp, type TaskPageOfList, updated } from "./merge.ts";
import { type Batch, isWaiting, type TaskDetails, type TaskItem, type TaskResult } from "./model.ts";
import { withKnownUrls } from "./tiles.ts";

const TASKS_A_PAGE = 50;
const BATCHES_A_PAGE = 20;
/** A batch has no more tasks than that. */
export const MOST_IN_BATCH = 500;
/** How often the server is asked for data that no stream sends. */
const WITHOUT_STREAM_MS = 8000;

function useInterval(): number | false {
  return useStreamConnected() ? false : WITHOUT_STREAM_MS;
}

export function useTaskList(filters: Filters, pageSize: number = TASKS_A_PAGE) {
  return useInfiniteQuery({
    queryKey: keys.list(filters),
    queryFn: async ({ pageParam, signal }): Promise<TaskPageOfList> => {
      const mark = latest.mark();
      const query = { ...asked(filters), page_size: pageSize, ...(pageParam && { page_token: pageParam }) };
      const page = await data(v1.GET("/v1/tasks", { params: { query }, signal }));
      return caughtUp(page, latest.told(mark), filters, !pageParam);
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_page_token,
    refetchInterval: useInterval(),
  });
}

export function useTask(id: string) {
  const interval = useInterval();
  return useQuery({
    queryKey: keys.task(id),
    queryFn: async ({ signal }): Promise<TaskDetails> => {
      const mark = latest.mark();
      const task = await data(v1.GET("/v1/tasks/{id}", { params: { path: { id } }, signal }));
      const told = latest.told(mark).find((one) => one.id === id)?.task;
      return told && told !== "deleted" ? updated(task, told) : task;
    },
    // The stream sends nothing about tasks in front of it, nor about workers.
    refetchInterval: ({ state: { data } }) => (data && isWaiting(data.state) ? WITHOUT_STREAM_MS : interval),
  });
}

/** The files that a task has made. */
export function useTaskResult(id: string, succeeded: boolean) {
  return useQuery({
    queryKey: keys.result(id),
    queryFn: ({ signal }): Promise<TaskResult> =>
      data(v1.GET("/v1/tasks/{id}/result", { params: { path: { id } }, signal })),
    enabled: succeeded,
    // A reply that came before the end holds no files.
    staleTime: (query) => (query.state.data?.status === "Succeeded" ? 600_000 : 0),
  });
}

export function useBatchList() {
  const interval = useInterval();
  return useInfiniteQuery({
    queryKey: keys.batchList,
    queryFn: ({ pageParam, signal }) =>
      data(
        v1.GET("/v1/batches", {
          params: { query: { page_size: BATCHES_A_PAGE, ...(pageParam && { page_token: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_page_token,
    refetchInterval: interval,
  });
}

export function useBatch(id: string) {
  const interval = useInterval();
  return useQuery({
    queryKey: keys.batch(id),
    queryFn: ({ signal }): Promise<Batch> => data(v1.GET("/v1/batches/{id}", { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data?.status === "Completed" ? false : interval),
  });
}

/** The results of a batch's tasks in the order of its items, with the files that there are so far. */
export function useBatchOutputs(id: string) {
  const interval = useInterval();
  return useQuery({
    queryKey: keys.outputs(id),
    queryFn: async ({ client, queryKey, signal }) => {
      const params = { path: { id }, query: { page_size: MOST_IN_BATCH } };
      const reply = await data(v1.GET("/v1/batches/{id}/tasks", { params, signal }));
      return withKnownUrls(reply, client.getQueryData<typeof reply>(queryKey));
    },
    refetchInterval: (query) =>
      query.state.data?.items.every(
        ({ result }) => result && (result.status === "Succeeded" || result.status === "Failed"),
      )
        ? false
        : interval,
  });
}

/** All items of an endless list. */
export function flat<Item>(list: InfiniteData<{ items: Item[] }> | undefined): Item[] {
  return list?.pages.flatMap((page) => page.items) ?? [];
}

/** Tasks of a list, each once: pages that were loaded at different times may overlap. */
export function tasksOf(list: InfiniteData<TaskPageOfList, unknown> | undefined): TaskItem[] {
  return [...new Map(flat(list).map((task) => [task.task_id, task])).values()];
}
