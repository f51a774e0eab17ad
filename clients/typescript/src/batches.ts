import { type Calls, newKey, path } from "./calls.ts";
import type { Operation } from "./operation.ts";
import { taskFields } from "./tasks.ts";
import type { Batch, BatchTask, CallOptions, CreatedBatch, CreatedTask, ListOptions, Schemas, TaskOptions } from "./types.ts";

const LONGEST_WAIT = 25;

export interface BatchOptions extends TaskOptions {
  /** Create the tasks that can be created, and list the others in `batch.refused`; otherwise all are created or none is. */
  perItem?: boolean | undefined;
}

/** `client.batches`: up to 500 tasks by one call. */
export class Batches {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** One task for each item, which is a list of input file ids, or `{ file_ids, operations }` with its own operations. */
  create(
    items: readonly (readonly string[] | Schemas["BatchItem"])[],
    operations: readonly Operation[] = [],
    options: BatchOptions = {},
  ): Promise<CreatedBatch> {
    const { perItem, idempotencyKey = newKey(), signal } = options;
    const body = {
      items: items.map((item) => (Array.isArray(item) ? { file_ids: item } : item)),
      operations: operations.length ? operations : undefined,
      mode: perItem ? "per_item" : "atomic",
      ...taskFields(options),
    };
    return this.#calls.call("POST", "/v1/batches", { body, idempotencyKey, signal, seconds: 110 });
  }

  get(batchId: string, { signal, waitSeconds = 0 }: CallOptions & { waitSeconds?: number } = {}): Promise<Batch> {
    return this.#calls.call("GET", path`/v1/batches/${batchId}`, {
      query: { wait: waitSeconds || undefined },
      signal,
      seconds: 60 + waitSeconds,
    });
  }

  /** Wait until all tasks have ended, in any state. `onProgress` is called about once a second. */
  async wait(batchId: string, { signal, onProgress }: CallOptions & { onProgress?: (batch: Batch) => void } = {}): Promise<Batch> {
    for (;;) {
      const batch = await this.get(batchId, { signal, waitSeconds: onProgress ? 1 : LONGEST_WAIT });
      onProgress?.(batch);
      if (batch.completed_at) return batch;
    }
  }

  /** The batch's tasks in the order of its items, with download URLs for their outputs so far. */
  iterateTasks(batchId: string, options: ListOptions = {}): AsyncGenerator<BatchTask> {
    return this.#calls.pages(path`/v1/batches/${batchId}/tasks`, {}, options);
  }

  /** Cancel every task that has not ended. */
  cancel(batchId: string, { signal }: CallOptions = {}): Promise<Batch> {
    return this.#calls.call("POST", path`/v1/batches/${batchId}/cancel`, { body: {}, signal });
  }

  /** Create a task that packs the outputs so far into one ZIP archive. */
  archive(batchId: string, { signal }: CallOptions = {}): Promise<CreatedTask> {
    return this.#calls.call("POST", path`/v1/batches/${batchId}/zip`, { body: {}, idempotencyKey: newKey(), signal });
  }
}
