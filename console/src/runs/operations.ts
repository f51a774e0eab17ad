import type { Choice, Operation } from "./types.ts";

/** Steps as the operations of a task. */
export function operationsOf(steps: readonly Choice[]): Operation[] {
  return steps.map(({ id, settings }) => ({ [id]: settings }) as Operation);
}
