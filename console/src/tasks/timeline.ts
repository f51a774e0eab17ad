import type { State, TaskAttempt, TaskDetails, TimelineEvent } from "./model.ts";

export type Step = { at: string; message: string; progress: number | undefined };
export type Entry = {
  key: string;
  state: State;
  at: string;
  /** The attempt that it is about; 0: none. */
  attempt: number;
  worker: string | undefined;
  errorType: string | undefined;
  errorMessage: string | undefined;
  /** The reports about progress until the next entry; repeated ones are listed once, with the latest progress. */
  steps: Step[];
};

type Told = Pick<TaskDetails, "created_at" | "attempts" | "events">;

/**
 * The history of a task: an entry for each change of its state, oldest first. Some time after the end, the server keeps only the last
 * event: the attempts, and the time of acceptance, supply the rest.
 */
export function timeline({ created_at, attempts, events }: Told): Entry[] {
  const entries: Entry[] = [];
  for (const event of events) {
    const last = entries.at(-1);
    if (last && isStep(event, last)) step(last, event);
    else entries.push(entry(event, attempts));
  }
  return withMissing(entries, created_at, attempts);
}

function isStep(event: TimelineEvent, last: Entry): boolean {
  return event.state === last.state && event.attempt === last.attempt && !event.error_type;
}

function step(last: Entry, event: TimelineEvent): void {
  if (!event.message) return;
  const before = last.steps.at(-1);
  if (before?.message === event.message) before.progress = event.progress;
  else last.steps.push({ at: event.at, message: event.message, progress: event.progress });
}

function entry(event: TimelineEvent, attempts: readonly TaskAttempt[]): Entry {
  const made: Entry = {
    key: `event ${event.sequence}`,
    state: event.state as State,
    at: event.at,
    attempt: event.attempt,
    worker: event.state === "running" ? attempts.find(({ number }) => number === event.attempt)?.worker : undefined,
    errorType: event.error_type,
    errorMessage: event.error_message,
    steps: [],
  };
  step(made, event);
  return made;
}

function withMissing(entries: readonly Entry[], created: string, attempts: readonly TaskAttempt[]): Entry[] {
  const missing: Entry[] = [];
  if (!entries.some(({ state }) => state === "queued"))
    missing.push({ ...NOTHING, key: "accepted", state: "queued", at: created, attempt: 0 });
  for (const { number, worker, started_at, ended_at, outcome, error_type, error_message } of attempts) {
    const known = entries.filter(({ attempt }) => attempt === number);
    if (!known.some(({ state }) => state === "running"))
      missing.push({ ...NOTHING, key: `began ${number}`, state: "running", at: started_at, attempt: number, worker });
    if (ended_at && outcome === "failed" && !known.some(({ state }) => state === "retrying" || state === "failed"))
      missing.push({
        ...NOTHING,
        key: `ended ${number}`,
        state: number < attempts.length ? "retrying" : "failed",
        at: ended_at,
        attempt: number,
        errorType: error_type,
        errorMessage: error_message,
      });
  }
  return missing.length
    ? [...entries, ...missing].sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
    : [...entries];
}

const NOTHING = { worker: undefined, errorType: undefined, errorMessage: undefined, steps: [] };
