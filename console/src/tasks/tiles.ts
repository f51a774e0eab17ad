import type { Batch, ResultFile, State, TaskItem, TaskResult } from "./model.ts";

type Outputs = { items: { index?: number; result?: TaskResult }[]; next_page_token?: string };

type Failure = { error_type?: string | undefined; error_message?: string | undefined };

/** A task of a batch as its page shows it. */
export type Tile = {
  id: string;
  index: number;
  /** Absent until the list of tasks is there. */
  name: string | undefined;
  state: State;
  progress: number | undefined;
  message: string | undefined;
  error: Failure | undefined;
  files: ResultFile[];
  zip: ResultFile | undefined;
};

const STATE_OF: Record<TaskResult["status"], State> = {
  Pending: "queued",
  Processing: "running",
  Succeeded: "succeeded",
  Failed: "failed",
};

/** The tasks of a batch in the order of its items: their files are from one call, their states from another, which follows changes. */
export function tiles(outputs: Outputs | undefined, tasks: readonly TaskItem[]): Tile[] {
  const known = new Map(tasks.map((task) => [task.task_id, task]));
  return (outputs?.items ?? []).flatMap(({ index = 0, result }) => {
    if (!result) return [];
    const task = known.get(result.task_id);
    return {
      id: result.task_id,
      index,
      name: task && (task.input_names.find(Boolean) ?? ""),
      state: task?.state ?? (result.error_type === "cancelled" ? "cancelled" : STATE_OF[result.status]),
      progress: task?.progress,
      message: task?.message,
      error: [task, result].find((each) => each?.error_message),
      files: result.files,
      zip: result.zip_file,
    };
  });
}

/** How many tasks are in which state. */
export function counts(
  batch: Batch,
): Record<"all" | "queued" | "running" | "succeeded" | "failed" | "cancelled", number> {
  const { total = 0, pending = 0, processing = 0, succeeded = 0, failed = 0, cancelled = 0 } = batch;
  return { all: total, queued: pending, running: processing, succeeded, failed: failed - cancelled, cancelled };
}

const URLS_KEPT_MS = 3_600_000;

/** Download URLs differ in every reply. Those that were there already stay while they hold, so that pictures are not loaded again. */
export function withKnownUrls<Some extends Outputs>(
  next: Some,
  before: Outputs | undefined,
  now: number = Date.now(),
): Some {
  const known = new Map<string, ResultFile>();
  for (const { result } of before?.items ?? []) for (const file of result?.files ?? []) known.set(file.id, file);
  const keep = (file: ResultFile): ResultFile => {
    const old = known.get(file.id);
    const holds = old?.download_url_expires_at && Date.parse(old.download_url_expires_at) - now > URLS_KEPT_MS;
    return holds ? old : file;
  };
  return {
    ...next,
    items: next.items.map((item) =>
      item.result ? { ...item, result: { ...item.result, files: item.result.files.map(keep) } } : item,
    ),
  };
}

/** The types that browsers show as a picture or a video. */
const SHOWN = new Set(["png", "jpg", "jpeg", "webp", "gif", "avif", "svg", "bmp", "ico", "mp4", "webm", "mov"]);

/** The file that stands for a task, if it is a picture or a video. */
export function pictureOf(tile: Tile): ResultFile | undefined {
  return tile.files.find(({ type, download_url }) => download_url && SHOWN.has(type?.toLowerCase() ?? ""));
}
