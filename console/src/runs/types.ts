import type { components } from "../../generated/v1.ts";
import type { ServerError } from "../i18n/server.ts";

type Schemas = components["schemas"];
export type ResultFile = Schemas["ResultFile"];
export type TaskNotice = Schemas["TaskNotice"];
export type Operation = Schemas["Operation"];

/** An operation by its name, such as `remove_background`, with its parameters. */
export type Choice = { id: string; settings: Record<string, unknown> };

export type RunInput = { uploadId?: string; fileId?: string; name: string };

export type ItemState = "uploading" | "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** Its `field` is the one with the problem, such as `operations[0].resize.width`, or `upload` if the upload failed. */
export type ItemError = ServerError;

export type RunItem = {
  id: string;
  inputs: RunInput[];
  taskId?: string;
  batchId?: string;
  state: ItemState;
  /** From 0 to 1; while it is uploading, of the upload. */
  progress: number;
  /** The step that a worker is at, in the server's words. */
  message?: string;
  error?: ItemError;
  files: ResultFile[];
  /** All files in one, where a task has several. */
  zip?: ResultFile;
  notices: TaskNotice[];
  /** The results are the input as it was, and cost nothing. */
  unchanged?: boolean;
  credits?: number;
};

export type Run = {
  id: string;
  steps: Choice[];
  startedAt: number;
  /** One task for all inputs, such as a collage; else one task an input. */
  together: boolean;
  items: RunItem[];
  batchIds: string[];
  /** How long one task of it was expected to take. */
  secondsEach?: number | undefined;
  /** When it was last taken up again, and how far it was then. */
  resumed?: { at: number; progress: number };
};

export type RunSummary = {
  total: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  open: number;
  /** From 0 to 1; what has ended counts as 1. */
  progress: number;
};

export type Estimate = {
  /** For all files together. */
  credits: number;
  /** The available credits of the balance. */
  available: number;
  affordable: boolean;
  /** How long a picture of the size that was given takes once its task runs, if that is known and not short. */
  secondsEach?: number;
};
