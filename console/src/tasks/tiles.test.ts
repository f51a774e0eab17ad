import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskResult } from "./model.ts";
import { task } from "./testing.ts";
import { counts, pictureOf, tiles, withKnownUrls } from "./tiles.ts";

function result(id: string, status: TaskResult["status"], more: Partial<TaskResult> = {}): TaskResult {
  return { task_id: id, status, files: [], not_applied: [], notices: [], ...more };
}

const png = (url: string) => ({
  id: "f",
  type: "PNG",
  download_url: url,
  download_url_expires_at: "2026-01-02T00:00:00Z",
});

test("tiles have the files of one call and the states of the other", () => {
  const outputs = {
    items: [
      { index: 0, result: result("5", "Succeeded", { files: [png("u")] }) },
      { index: 1, result: result("6", "Pending") },
      { index: 2, result: result("7", "Failed", { error_type: "cancelled", error_message: "Cancelled" }) },
    ],
  };
  const made = tiles(outputs, [task("6", { state: "running", progress: 0.5 })]);
  assert.deepEqual(
    made.map(({ id, name, state, progress }) => [id, name, state, progress]),
    [
      ["5", undefined, "succeeded", undefined],
      ["6", "cat.png", "running", 0.5],
      ["7", undefined, "cancelled", undefined],
    ],
  );
  assert.equal(made[0] && pictureOf(made[0])?.id, "f");
  assert.equal(made[1] && pictureOf(made[1]), undefined);
});

test("cancelled tasks are no failures", () => {
  assert.deepEqual(
    counts({ total: 9, succeeded: 3, failed: 5, cancelled: 2, pending: 1, errors: [], operations: [] }),
    {
      all: 9,
      queued: 1,
      running: 0,
      succeeded: 3,
      failed: 3,
      cancelled: 2,
    },
  );
});

test("URLs stay the same while they are valid", () => {
  const reply = (url: string) => ({ items: [{ index: 0, result: result("5", "Succeeded", { files: [png(url)] }) }] });
  const url = (now: string) =>
    withKnownUrls(reply("new"), reply("old"), Date.parse(now)).items[0]?.result.files[0]?.download_url;
  assert.equal(url("2026-01-01T12:00:00Z"), "old");
  assert.equal(url("2026-01-01T23:30:00Z"), "new");
});
