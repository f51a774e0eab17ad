import { type Calls, newKey, path } from "./calls.ts";
import type { Inputs } from "./content.ts";
import type { Operation } from "./operation.ts";
import type { CallOptions, CreateOptions, ListOptions, Pipeline, RunOptions, Task } from "./types.ts";

type Run = (inputs: Inputs, operations: readonly Operation[], options: RunOptions) => Promise<Task>;

/** `client.pipelines`: operations that are saved under a name, and run one after the other. */
export class Pipelines {
  readonly #calls: Calls;
  readonly #run: Run;

  constructor(calls: Calls, run: Run) {
    this.#calls = calls;
    this.#run = run;
  }

  /** Save a pipeline of 1 to 64 operations. */
  create(
    name: string,
    operations: readonly Operation[],
    { description, idempotencyKey = newKey(), signal }: CreateOptions & { description?: string } = {},
  ): Promise<Pipeline> {
    return this.#calls.call("POST", "/v1/pipelines", { body: { name, description, operations }, idempotencyKey, signal });
  }

  get(pipelineId: string, { signal }: CallOptions = {}): Promise<Pipeline> {
    return this.#calls.call("GET", path`/v1/pipelines/${pipelineId}`, { signal });
  }

  iterate(options: ListOptions = {}): AsyncGenerator<Pipeline> {
    return this.#calls.pages("/v1/pipelines", {}, options);
  }

  async delete(pipelineId: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#calls.call("DELETE", path`/v1/pipelines/${pipelineId}`, { signal });
  }

  /** Run a saved pipeline, by its id, or operations on the inputs: one task does all of it. Throws TaskFailed. */
  run(pipeline: string | Pipeline | readonly Operation[], inputs: Inputs, options: RunOptions = {}): Promise<Task> {
    if (typeof pipeline === "string") return this.#run(inputs, [], { ...options, pipelineId: pipeline });
    return "id" in pipeline ? this.run(pipeline.id, inputs, options) : this.#run(inputs, pipeline, options);
  }
}
