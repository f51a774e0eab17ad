import { data, once, v1 } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { uniqueId } from "../api/ids.ts";
import type { PictureSize } from "../ui/usePictureSize.ts";
import { archiveName, type Missing, missingOf } from "./archiving.ts";
import { operationsOf } from "./operations.ts";
import type { TaskResult } from "./progress.ts";
import type { Choice, Estimate, Operation, ResultFile, Run, RunInput } from "./types.ts";

const PREVIEW_WAIT_SECONDS = 30;
const WAIT_SECONDS = 50;
/** Files of one call about a price. */
const MOST_FILES = 100;
/** Files of one archive. */
const MOST_PACKED = 500;
/** A URL that ends so soon is asked for again. */
const SOON_MS = 60_000;

/** The file with a download URL that works now. */
export async function fresh(file: ResultFile): Promise<ResultFile> {
  const ends = Date.parse(file.download_url_expires_at ?? "");
  if (file.download_url && (Number.isNaN(ends) || ends > Date.now() + SOON_MS)) return file;
  const made = await data(v1.GET("/v1/files/{id}/download-url", { params: { path: { id: file.id } } }));
  return { ...file, download_url: made.download_url, download_url_expires_at: made.expires_at };
}

/** The files of a task once it has succeeded. Throws `ApiError` with its error if it fails. */
export async function resultOf(taskId: string, signal?: AbortSignal): Promise<ResultFile[]> {
  for (;;) {
    const params = { path: { id: taskId }, query: { wait: WAIT_SECONDS } };
    const result: TaskResult = await data(v1.GET("/v1/tasks/{id}/result", { params, signal }));
    if (result.status === "Failed") throw failure(result.error_type, result.error_message);
    if (result.status === "Succeeded") return result.files ?? [];
  }
}

/** The result of steps for one file. Its task is cancelled if `signal` aborts. */
export async function preview(steps: readonly Choice[], fileId: string, signal: AbortSignal): Promise<ResultFile[]> {
  const body = { file_ids: [fileId], operations: operationsOf(steps), wait: PREVIEW_WAIT_SECONDS };
  const task = await data(v1.POST("/v1/tasks", { ...once(uniqueId()), body, signal }));
  if (task.status === "Failed") throw failure(task.error_type, task.error_message);
  if (task.status === "Succeeded") return task.files ?? [];
  try {
    return await resultOf(task.task_id, signal);
  } catch (error) {
    if (signal.aborted)
      void v1.POST("/v1/tasks/{id}/cancel", { params: { path: { id: task.task_id } } }).catch(() => {});
    throw error;
  }
}

/** The price of a run. Files that are not uploaded count as one page each, and as pictures of `size`, if that is known. */
export async function estimate(
  steps: readonly Choice[],
  files: readonly RunInput[] | number,
  size?: PictureSize,
): Promise<Estimate> {
  const operations = operationsOf(steps);
  const calls: EstimateCall[] =
    typeof files === "number" ? [{ operations, file_count: files, ...size }] : fileCalls(operations, files);
  const prices = await Promise.all(calls.map((body) => data(v1.POST("/v1/estimate", { body }))));
  const credits = prices.reduce((sum, price) => sum + price.credits, 0);
  const available = Math.min(...prices.map((price) => price.available));
  // Where balances are not enforced, a price that is not covered is said to be.
  const enforced = !prices.some((price) => price.covered && price.credits > price.available);
  const affordable = prices.every((price) => price.covered) && (!enforced || credits <= available);
  const seconds = typeof files === "number" ? prices[0]?.estimated_seconds : undefined;
  const secondsEach = seconds === undefined ? undefined : Math.max(1, Math.round(seconds / Number(files)));
  return { credits, available, affordable, secondsEach };
}

type EstimateCall = {
  operations: Operation[];
  file_ids?: string[];
  file_count?: number;
  width?: number;
  height?: number;
};

function fileCalls(operations: Operation[], files: readonly RunInput[]): EstimateCall[] {
  const ids = files.flatMap(({ fileId }) => fileId ?? []);
  const unsent = files.length - ids.length;
  const stored = chunks(ids, MOST_FILES).map((file_ids) => ({ operations, file_ids }));
  return unsent ? [...stored, { operations, file_count: unsent }] : stored;
}

/** All results of a run as one ZIP archive, which lists what is missing. */
export async function archive(run: Run): Promise<ResultFile> {
  const ids = run.items.flatMap(({ files }) => files.map(({ id }) => id));
  if (!ids.length) throw new ApiError(400, "There are no results to pack.", { reason: "nothing_to_pack" });
  return pack(ids, archiveName(run, new Date()), missingOf(run));
}

/** More files than a task takes are packed into several archives, and these into one. */
async function pack(ids: readonly string[], name: string, missing: readonly Missing[] = []): Promise<ResultFile> {
  if (ids.length <= MOST_PACKED) {
    const body = { file_ids: [...ids], operations: [{ archive: { name, missing: [...missing] } }] };
    const task = await data(v1.POST("/v1/tasks", { ...once(uniqueId()), body }));
    return packed(await resultOf(task.task_id));
  }
  const parts = await Promise.all(chunks(ids, MOST_PACKED).map((some, index) => pack(some, `${name}-${index + 1}`)));
  return pack(
    parts.map(({ id }) => id),
    name,
    missing,
  );
}

function packed([file]: readonly ResultFile[]): ResultFile {
  if (!file) throw new ApiError(500, "There are no results to pack.", { reason: "nothing_to_pack" });
  return file;
}

function failure(reason = "", message = ""): ApiError {
  return new ApiError(422, message || reason, { reason });
}

function chunks<Value>(values: readonly Value[], size: number): Value[][] {
  const count = Math.ceil(values.length / size);
  return Array.from({ length: count }, (_, index) => values.slice(index * size, (index + 1) * size));
}
