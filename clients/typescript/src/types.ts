import type { components } from "./generated/v1.ts";

/** The records of `/v1`, by the names that its OpenAPI document has. */
export type Schemas = components["schemas"];

export type Account = Schemas["Me"];
export type Balance = Schemas["BalanceResult"];
export type Batch = Schemas["BatchResult"];
export type BatchTask = Schemas["BatchTaskResult"];
export type CreatedBatch = Schemas["CreateBatchResult"];
export type CreatedTask = Schemas["TaskCreateResult"];
export type DownloadUrl = Schemas["DownloadUrl"];
export type FileRecord = Schemas["FileRecord"];
export type Pipeline = Schemas["Pipeline"];
export type PriceEstimate = Schemas["PriceEstimate"];
export type ResultFile = Schemas["ResultFile"];
export type Task = Schemas["TaskDetails"];
export type TaskListItem = Schemas["TaskListItem"];

/** An event of a task. */
export type TaskEvent = Schemas["TaskStreamEvent"] & {
  /** Its number, from 1; absent where the state was asked for because the stream was broken. */
  sequence?: number;
};

export interface CallOptions {
  /** Ends the call, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface CreateOptions extends CallOptions {
  /** With a key of your own, the same call within 24 hours returns the same thing, even from another process. */
  idempotencyKey?: string | undefined;
}

export interface ListOptions extends CallOptions {
  /** The most to return; all if absent. */
  limit?: number | undefined;
}

export interface TaskOptions extends CreateOptions {
  /** A saved pipeline to take the operations from. */
  pipelineId?: string | undefined;
  /** -1000 to 1000, 0 by default: tasks of the account with a higher priority run first. */
  priority?: number | undefined;
  /** If the task has not ended by then, it fails. */
  deadline?: Date | undefined;
  /** Is notified when it ends. */
  webhookUrl?: string | undefined;
}

export interface Progress {
  /** Bytes so far; less than before when a transfer starts over. */
  loaded: number;
  total: number;
}

export interface RunOptions extends TaskOptions {
  /** Called while the inputs are uploaded, with the bytes of all of them. */
  onUpload?: ((progress: Progress) => void) | undefined;
  onEvent?: ((event: TaskEvent) => void) | undefined;
}
