import { BACKOFF, type Backoff } from "./backoff.ts";
import { Batches } from "./batches.ts";
import { all, Calls, newKey, path, type Request } from "./calls.ts";
import type { Input, Inputs, Source } from "./content.ts";
import { ConnectionFailed, InvalidRequest } from "./errors.ts";
import { OperationMethods } from "./generated/operations.ts";
import type { Operation } from "./operation.ts";
import { Pipelines } from "./pipelines.ts";
import { Tasks, type WaitOptions, type WatchOptions } from "./tasks.ts";
import { Transfers } from "./transfer.ts";
import type * as Types from "./types.ts";
import { type UploadOptions, type UploadState, Uploads } from "./uploads.ts";
import { Webhooks } from "./webhooks.ts";

export interface ClientOptions {
  /** The server's public URL; by default the environment variable DARKROOM_URL. */
  url?: string | undefined;
  /** An API key, or the token of a session; by default DARKROOM_API_KEY. */
  apiKey?: string | undefined;
  backoff?: Partial<Backoff> | undefined;
  /** In place of `fetch`, such as one with a proxy. */
  fetch?: typeof fetch | undefined;
}

/**
 * A client for one account on a Darkroom server. Every method throws a subclass of `ApiError` if the server refuses the call, and
 * `ConnectionFailed` if it cannot be reached. Calls that fail on the way are retried first, with growing pauses and never sooner than the
 * server asks; calls that create something carry an idempotency key, so a retry never creates it twice.
 */
export class Client extends OperationMethods {
  readonly batches: Batches;
  readonly pipelines: Pipelines;
  readonly webhooks: Webhooks;
  protected readonly transfers: Transfers;
  readonly #calls: Calls;
  readonly #tasks: Tasks;
  readonly #uploads: Uploads;

  constructor(options: ClientOptions = {}) {
    super();
    const { url = variable("DARKROOM_URL"), apiKey = variable("DARKROOM_API_KEY") } = options;
    if (!url) throw new ConnectionFailed("No server is configured: pass `url`, or set DARKROOM_URL.");
    if (apiKey === undefined) throw new ConnectionFailed(`There is no API key for ${url}: pass \`apiKey\`, or set DARKROOM_API_KEY.`);
    const backoff = { ...BACKOFF, ...options.backoff };
    // Called without `this`, as browsers want it.
    const fetchWith: typeof fetch = (...given) => (options.fetch ?? fetch)(...given);
    this.#calls = new Calls(url, apiKey, backoff, fetchWith);
    this.transfers = new Transfers(backoff, fetchWith);
    this.#tasks = new Tasks(this.#calls);
    this.#uploads = new Uploads(this.#calls, this.transfers);
    this.batches = new Batches(this.#calls);
    this.pipelines = new Pipelines(this.#calls, (inputs, operations, run) => this.run(inputs, operations, run));
    this.webhooks = new Webhooks(this.#calls);
  }

  /** Any other call of `/v1`: `client.call("GET", "/v1/ledger", { query: { page_size: 5 } })` is the `data` of its reply. */
  call<Data>(method: string, path: string, request: Request = {}): Promise<Data> {
    return this.#calls.call(method, path, request);
  }

  /** Upload a file, in parts if it is large, and return its record, checked by the server. A URL is fetched by the server. */
  async upload(source: Source | URL | string, options: UploadOptions = {}): Promise<Types.FileRecord> {
    return isUrl(source) ? this.#uploads.import(String(source), options) : this.#uploads.upload(await this.source(source), options);
  }

  /** Resume an interrupted upload from what `onState` was last called with: only parts that are missing are sent. Throws InvalidRequest if the source has changed since. */
  async resumeUpload(state: UploadState, source: Source | string, options: UploadOptions = {}): Promise<Types.FileRecord> {
    return this.#uploads.resume(state, await this.source(source), options);
  }

  /** Abort an unfinished upload. The parts that have arrived and the file's record are deleted. */
  async abortUpload(fileId: string, { signal }: Types.CallOptions = {}): Promise<void> {
    await this.call("POST", path`/v1/files/${fileId}/abort`, { body: {}, signal });
  }

  getFile(fileId: string, { signal }: Types.CallOptions = {}): Promise<Types.FileRecord> {
    return this.call("GET", path`/v1/files/${fileId}`, { signal });
  }

  /** Files, newest first, fetched page by page as they are read. */
  iterateFiles(options: Types.ListOptions = {}): AsyncGenerator<Types.FileRecord> {
    return this.#calls.pages("/v1/files", {}, options);
  }

  async deleteFile(fileId: string, { signal }: Types.CallOptions = {}): Promise<void> {
    await this.call("DELETE", path`/v1/files/${fileId}`, { signal });
  }

  /** A URL that is valid for 24 hours for anyone who has it, without a key. */
  async downloadUrl(fileId: string, { signal }: Types.CallOptions = {}): Promise<string> {
    return (await this.call<Types.DownloadUrl>("GET", path`/v1/files/${fileId}/download-url`, { signal })).download_url;
  }

  /** The outputs of a task that succeeded, each with a URL. It needs no scope on files. */
  async resultUrls(task: { task_id: string }, { signal }: Types.CallOptions = {}): Promise<Types.ResultFile[]> {
    return (await this.call<Types.Schemas["TaskResult"]>("GET", path`/v1/tasks/${task.task_id}/result`, { signal })).files;
  }

  /** Download a file, by its id or a record, as its bytes come. A broken connection is resumed. */
  async *stream(file: string | { id: string; download_url?: string }, { signal }: Types.CallOptions = {}): AsyncGenerator<Uint8Array> {
    const { id, download_url } = typeof file === "string" ? { id: file } : { download_url: undefined, ...file };
    yield* this.transfers.get(download_url ?? (await this.downloadUrl(id, { signal })), signal);
  }

  /** Download a file into memory. */
  async read(file: string | { id: string; download_url?: string }, options: Types.CallOptions = {}): Promise<Blob> {
    return new Blob((await all(this.stream(file, options))) as Uint8Array<ArrayBuffer>[]);
  }

  /** Create a task, which runs on the server whatever happens to this client. */
  createTask(
    fileIds: readonly string[],
    operations: readonly Operation[] = [],
    options: Types.TaskOptions = {},
  ): Promise<Types.CreatedTask> {
    return this.#tasks.create(fileIds, operations, options);
  }

  getTask(taskId: string, options: Types.CallOptions = {}): Promise<Types.Task> {
    return this.#tasks.get(taskId, options);
  }

  /** Tasks, newest first, fetched page by page as they are read. */
  iterateTasks(options: Types.ListOptions = {}): AsyncGenerator<Types.TaskListItem> {
    return this.#calls.pages("/v1/tasks", {}, options);
  }

  /** Cancel a task that has not ended. Throws Conflict if it has. */
  async cancelTask(taskId: string, { signal }: Types.CallOptions = {}): Promise<void> {
    await this.call("POST", path`/v1/tasks/${taskId}/cancel`, { body: {}, signal });
  }

  /** Create a new task with the inputs and operations of another. */
  rerunTask(taskId: string, { idempotencyKey = newKey(), signal }: Types.CreateOptions = {}): Promise<Types.CreatedTask> {
    return this.call("POST", path`/v1/tasks/${taskId}/rerun`, { body: {}, idempotencyKey, signal });
  }

  /** Delete a task that has ended, with its outputs. */
  async deleteTask(taskId: string, { signal }: Types.CallOptions = {}): Promise<void> {
    await this.call("DELETE", path`/v1/tasks/${taskId}`, { signal });
  }

  /** The task's events in order and without gaps, up to the last one. A broken connection is resumed. */
  watch(taskId: string, options: WatchOptions = {}): AsyncGenerator<Types.TaskEvent> {
    return this.#tasks.watch(taskId, options);
  }

  /** Wait until a task has ended, by its stream of events or, where that breaks, by asking. Throws TaskFailed unless it has succeeded. */
  wait(taskId: string, options: WaitOptions = {}): Promise<Types.Task> {
    return this.#tasks.wait(taskId, options);
  }

  /**
   * Upload the inputs that are not on the server yet, run operations on them, and return the task when it has succeeded. With your own
   * `idempotencyKey`, calling again with the same inputs within 24 hours continues the same uploads and the same task. Throws TaskFailed.
   * If this call is interrupted, the task continues.
   */
  async run(inputs: Inputs, operations: readonly Operation[] = [], options: Types.RunOptions = {}): Promise<Types.Task> {
    const { signal, idempotencyKey, onUpload, onEvent } = options;
    const given = Array.isArray(inputs) ? (inputs as readonly Input[]) : [inputs as Input];
    const moved: Types.Progress[] = [];
    const tell = (index: number) => (progress: Types.Progress) => {
      moved[index] = progress;
      const sum = (part: keyof Types.Progress) => moved.reduce((total, each) => total + each[part], 0);
      onUpload?.({ loaded: sum("loaded"), total: sum("total") });
    };
    const fileIds: string[] = [];
    for (const [index, input] of given.entries()) {
      const key = idempotencyKey && `${idempotencyKey}/input-${index}`;
      const found = await this.#file(input, { signal, idempotencyKey: key, onProgress: tell(index) });
      fileIds.push(found.id);
    }
    const task = await this.createTask(fileIds, operations, options);
    return this.wait(task.task_id, { signal, onEvent });
  }

  /** The caller: the account, the person if it is one, and what the key permits. */
  account({ signal }: Types.CallOptions = {}): Promise<Types.Account> {
    return this.call("GET", "/v1/me", { signal });
  }

  balance({ signal }: Types.CallOptions = {}): Promise<Types.Balance> {
    return this.call("GET", "/v1/balance", { signal });
  }

  /** The current price of a task, and whether the balance covers it. Nothing is created. */
  estimatePrice(
    operations: readonly Operation[],
    about: Omit<Types.Schemas["EstimatePriceRequest"], "operations">,
    { signal }: Types.CallOptions = {},
  ): Promise<Types.PriceEstimate> {
    return this.call("POST", "/v1/estimate", { body: { ...about, operations }, signal });
  }

  /** The bytes to upload for a string that is no URL: none here, a file's in `@darkroom/client/node`. */
  protected async source(given: Source | string | URL): Promise<Source> {
    if (typeof given !== "string" && !(given instanceof URL)) return given;
    const message = `${given} is no URL that begins with http. For paths use Client of @darkroom/client/node, for files on the server { id }.`;
    throw new InvalidRequest(message, { errorCode: "field_invalid" });
  }

  async #file(input: Input, options: UploadOptions): Promise<{ id: string }> {
    return typeof input === "object" && "id" in input ? input : this.upload(input, options);
  }
}

function isUrl(source: unknown): source is string | URL {
  return (source instanceof URL && source.protocol.startsWith("http")) || (typeof source === "string" && /^https?:\/\//i.test(source));
}

function variable(name: string): string | undefined {
  return (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[name];
}
