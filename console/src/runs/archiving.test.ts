import assert from "node:assert/strict";
import test from "node:test";
import { archiveName, missingOf } from "./archiving.ts";
import type { Run, RunItem } from "./types.ts";

const item = (more: Partial<RunItem>): RunItem => {
  return { id: "i", inputs: [], state: "succeeded", progress: 1, files: [], notices: [], ...more };
};
const step = (id: string) => ({ id, settings: {} });
const run = (...items: RunItem[]): Run => {
  return { id: "r", steps: [step("remove_background")], startedAt: 0, together: false, items, batchIds: [] };
};

test("an archive is named by its operations and the day", () => {
  const day = new Date(2026, 10, 7, 23, 59);
  assert.equal(archiveName(run(), day), "remove-background-2026-11-07");
  assert.equal(
    archiveName({ ...run(), steps: [step("remove_background"), step("resize")] }, day),
    "remove-background-resize-2026-11-07",
  );
});

test("an archive lists what it lacks", () => {
  const failed = item({
    state: "failed",
    inputs: [{ name: "a.png" }],
    error: { message: "Bad", reason: "file_corrupt" },
  });
  assert.deepEqual(missingOf(run(item({}), failed, item({ state: "cancelled", inputs: [{ name: "b.png" }] }))), [
    { index: 1, message: "a.png: Bad" },
    { index: 2, message: "b.png: cancelled" },
  ]);
});
