import { BACKOFF, type Backoff, mayPass, Retries, sleep } from "./backoff.ts";
import { type Calls, newKey, path, unreachable } from "./calls.ts";
import { ConnectionFailed, refusal, TaskFailed } from "./errors.ts";
import { messages, unlessSilent } from "./events.ts";
import type { Operation } from "./operation.ts";
import type { CallOptions, CreatedTask, Schemas, Task, TaskEvent, TaskOptions } from "./types.ts";

const STREAM: Backoff = { ...BACKOFF, attempts: 8, longestSeconds: 5 };
/** So many attempts in a row without an event, and `wait` asks for the state instead. */
const STREAM_WHILE_WAITING: Backoff = { ...STREAM, attempts: 3 };
/** The longest that the server keeps a call waiting for the end of a task is 60 s; some proxies give up after 30. */
const POLL_SECONDS = 25;
const CROWDED_SECONDS = 5;
/** A stream that lasted this long worked: when it breaks, failures are counted from the start again. */
const STEADY_MS = 30_000;

export interface WatchOptions extends CallOptions {
  /** Only the events after this one. */
  afterSequence?: number | undefined;
}

export interface WaitOptions extends CallOptions {
  onEvent?: ((event: TaskEvent) => void) | undefined;
}

/** Tasks: create, watch, wait. */
export class Tasks {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  create(fileIds: readonly string[], operations: readonly Operation[], options: TaskOptions): Promise<CreatedTask> {
    const { idempotencyKey = newKey(), signal } = options;
    const body = { file_ids: fileIds, operations: operations.length ? operations : undefined, ...taskFields(options) };
    return this.#calls.call("POST", "/v1/tasks", { body, idempotencyKey, signal });
  }

  get(taskId: string, { signal }: CallOptions): Promise<Task> {
    return this.#calls.call("GET", path`/v1/tasks/${taskId}`, { signal });
  }

  async *watch(taskId: string, { signal, afterSequence = 0 }: WatchOptions, backoff: Backoff = STREAM): AsyncGenerator<TaskEvent> {
    const retries = new Retries(backoff);
    let last = afterSequence;
    for (;;) {
      const stop = new AbortController();
      const opened = Date.now();
      try {
        const response = await this.#stream(taskId, last, signal ? AbortSignal.any([signal, stop.signal]) : stop.signal);
        if (!response.body || response.status === 204) return;
        for await (const { id, data } of messages(response.body)) {
          retries.reset();
          last = Number(id);
          const event: TaskEvent = { ...JSON.parse(data), sequence: last };
          yield event;
          if (ended(event)) return;
        }
        // The server closes streams early when it shuts down.
        throw new ConnectionFailed("The stream of events ended early.");
      } catch (cause) {
        signal?.throwIfAborted();
        const failure = unreachable(cause);
        if (!mayPass(failure)) throw failure;
        if (Date.now() - opened > STEADY_MS) retries.reset();
        await retries.wait(failure, signal);
      } finally {
        stop.abort();
      }
    }
  }

  async wait(taskId: string, { signal, onEvent }: WaitOptions): Promise<Task> {
    try {
      for await (const event of this.watch(taskId, { signal }, STREAM_WHILE_WAITING)) onEvent?.(event);
    } catch (failure) {
      if (!mayPass(failure)) throw failure;
      for await (const event of this.#poll(taskId, signal, failure.errorCode === "too_many_streams")) onEvent?.(event);
    }
    const task = await this.get(taskId, { signal });
    if (task.status !== "Succeeded") throw new TaskFailed(task);
    return task;
  }

  /** The state again and again until the task has ended. Calls that the server keeps waiting count as streams; `crowded`: there are too many. */
  async *#poll(taskId: string, signal: AbortSignal | undefined, crowded: boolean): AsyncGenerator<TaskEvent> {
    const query = { wait: crowded ? undefined : POLL_SECONDS };
    for (;;) {
      const state = await this.#calls.call<Schemas["TaskStatusResult"]>("GET", path`/v1/tasks/${taskId}/status`, {
        query,
        signal,
        seconds: 85,
      });
      const { task_id, status, progress, error_type, error_message, unchanged } = state;
      const event = { task_id, status, progress, error_type, error_message, unchanged };
      yield event;
      if (ended(event)) return;
      await sleep(crowded ? CROWDED_SECONDS : STREAM.firstSeconds, signal);
    }
  }

  async #stream(taskId: string, after: number, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { accept: "text/event-stream", ...(after ? { "last-event-id": String(after) } : {}) };
    const response = await unlessSilent(this.#calls.raw("GET", path`/v1/tasks/${taskId}/events`, headers, signal));
    if (!response.ok) throw refusal(response, await response.text());
    return response;
  }
}

export function taskFields({ pipelineId, priority, deadline, webhookUrl }: TaskOptions): Record<string, unknown> {
  return { pipeline_id: pipelineId, priority, deadline: deadline?.toISOString(), webhook_url: webhookUrl };
}

function ended({ status }: TaskEvent): boolean {
  return status === "Succeeded" || status === "Failed";
}
