import assert from "node:assert/strict";
import { test } from "node:test";
import type { TimelineEvent } from "./model.ts";
import { timeline } from "./timeline.ts";

const at = (second: number) => `2026-01-10T12:00:${String(second).padStart(2, "0")}Z`;

function event(sequence: number, state: string, attempt: number, more: Partial<TimelineEvent> = {}): TimelineEvent {
  return { sequence, state, attempt, at: at(sequence), ...more };
}

test("progress belongs to the state in which it is reported", () => {
  const entries = timeline({
    created_at: at(1),
    attempts: [{ number: 1, worker: "w1", started_at: at(2) }],
    events: [
      event(1, "queued", 0),
      event(2, "running", 1),
      event(3, "running", 1, { message: "Finding", progress: 0.1 }),
      event(4, "running", 1, { message: "Finding", progress: 0.3 }),
      event(5, "running", 1, { message: "Writing", progress: 0.9 }),
      event(6, "succeeded", 1),
    ],
  });
  assert.deepEqual(
    entries.map(({ state, steps, worker }) => [
      state,
      worker,
      steps.map(({ message, progress }) => `${message} ${progress}`),
    ]),
    [
      ["queued", undefined, []],
      ["running", "w1", ["Finding 0.3", "Writing 0.9"]],
      ["succeeded", undefined, []],
    ],
  );
});

test("each attempt has its entries", () => {
  const entries = timeline({
    created_at: at(1),
    attempts: [
      { number: 1, worker: "w1", started_at: at(2), ended_at: at(3), outcome: "failed", error_type: "timeout" },
      { number: 2, worker: "w2", started_at: at(4) },
    ],
    events: [
      event(1, "queued", 0),
      event(2, "running", 1),
      event(3, "retrying", 1, { error_type: "timeout", error_message: "Too slow" }),
      event(4, "running", 2),
    ],
  });
  assert.deepEqual(
    entries.map(({ state, worker, errorMessage }) => [state, worker, errorMessage]),
    [
      ["queued", undefined, undefined],
      ["running", "w1", undefined],
      ["retrying", undefined, "Too slow"],
      ["running", "w2", undefined],
    ],
  );
});

test("what is left of an old task is completed by its attempts", () => {
  const entries = timeline({
    created_at: at(1),
    attempts: [
      { number: 1, worker: "w1", started_at: at(2), ended_at: at(3), outcome: "failed", error_message: "No" },
      { number: 2, worker: "w2", started_at: at(4), ended_at: at(5), outcome: "succeeded" },
    ],
    events: [event(6, "succeeded", 2)],
  });
  assert.deepEqual(
    entries.map(({ state, attempt }) => `${state} ${attempt}`),
    ["queued 0", "running 1", "retrying 1", "running 2", "succeeded 2"],
  );
  assert.equal(entries[2]?.errorMessage, "No");
});
