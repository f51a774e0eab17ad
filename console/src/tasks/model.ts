import type { components } from "../../generated/v1.ts";

type Schemas = components["schemas"];
export type TaskItem = Schemas["TaskListItem"];
export type TaskDetails = Schemas["TaskDetails"];
export type TaskResult = Schemas["TaskResult"];
export type ResultFile = Schemas["ResultFile"];
export type TaskNotice = Schemas["TaskNotice"];
export type TaskWaitingFor = Schemas["TaskWaitingFor"];
export type TaskAttempt = Schemas["TaskAttempt"];
export type TimelineEvent = Schemas["TaskTimelineEvent"];
export type Batch = Schemas["BatchResult"];
export type State = TaskItem["state"];

export const STATES: readonly State[] = ["queued", "running", "retrying", "succeeded", "failed", "cancelled"];

export function isState(text: string | null): text is State {
  return STATES.some((state) => state === text);
}

/** It waits for its turn, or for a worker. */
export function isWaiting(state: State): boolean {
  return state === "queued" || state === "retrying";
}

/** Nothing more will happen to a task in this state. */
export function hasEnded(state: State): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

const MOST_NAMES = 3;

/** The name of a task: its first inputs, or else its operation. */
export function namesOf(task: { input_names: readonly string[] }, otherwise: string): string {
  const names = task.input_names.filter(Boolean);
  const more = names.length > MOST_NAMES ? ` +${names.length - MOST_NAMES}` : "";
  return names.slice(0, MOST_NAMES).join(", ") + more || otherwise;
}
