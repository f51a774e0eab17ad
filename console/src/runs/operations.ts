import { body, snapotter } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { dependOnName, extensionOf, groupsOf, probeOf, withFiles } from "./planning.ts";
import type { Choice, Operation, RunInput } from "./types.ts";

/** The operations that steps are for a file of this name. `names` are those of all files, where a task has several. Throws `ApiError`. */
export async function operationsFor(
  steps: readonly Choice[],
  name: string,
  fileCount: number,
  names: readonly string[] = fileCount === 1 ? [name] : [],
): Promise<Operation[]> {
  const found: Operation[] = [];
  let known = { name, fileCount, names: [...names] };
  for (const group of groupsOf(steps)) {
    if (group.kind === "operation") {
      found.push({ [group.step.id]: group.step.settings } as Operation);
      continue;
    }
    const asked = {
      steps: group.steps.map(({ id, settings }) => ({ toolId: id, settings })),
      name: known.name,
      // The number of results of earlier operations is unknown.
      ...(known.fileCount > 0 && !found.length && { fileCount: known.fileCount }),
      ...(known.names.length > 0 && !found.length && { names: known.names }),
    };
    const plan = await body(snapotter.POST("/api/v1/pipeline/plan", { body: asked }));
    found.push(...withFiles(plan.operations ?? [], plan.steps ?? [], plan.files ?? [], group.steps));
    if (typeof plan.name === "string") known = { ...known, name: plan.name };
  }
  return found;
}

/** Plans the operations of many files: once for all of an extension, unless they depend on the name. */
export class Planner {
  private readonly steps: readonly Choice[];
  private readonly known = new Map<string, Promise<Operation[]>>();

  constructor(steps: readonly Choice[]) {
    this.steps = steps;
  }

  async of(inputs: readonly RunInput[], alone: boolean): Promise<Operation[]> {
    const names = inputs.map(({ name }) => name);
    const name = names[0] ?? "";
    if (alone || inputs.length > 1) return operationsFor(this.steps, name, inputs.length, names);
    const probe = probeOf(extensionOf(name));
    let shared = this.known.get(probe);
    if (!shared) {
      shared = operationsFor(this.steps, probe, 1);
      this.known.set(probe, shared);
      // A refusal applies to all; temporary errors are retried.
      shared.catch((error) => {
        if (!(error instanceof ApiError) || error.passing || error.status === 401) this.known.delete(probe);
      });
    }
    const operations = await shared;
    return dependOnName(operations) ? operationsFor(this.steps, name, 1) : operations;
  }
}
