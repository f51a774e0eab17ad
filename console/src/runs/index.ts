export { operationsOf } from "./operations.ts";
export { isAccepted, isOpen, secondsLeft, summary } from "./progress.ts";
export { estimate, fresh, preview } from "./results.ts";
export { runs, useRun, useRuns } from "./runs.ts";
export type {
  Choice,
  Estimate,
  ItemError,
  ItemState,
  Operation,
  ResultFile,
  Run,
  RunInput,
  RunItem,
  RunSummary,
  TaskNotice,
} from "./types.ts";
