import assert from "node:assert/strict";
import test from "node:test";
import type { TaskNow } from "../api/taskEvents.ts";
import type { Upload } from "../uploads/types.ts";
import { afterUploads, isReady } from "./inputs.ts";
import { afterNews, afterResult, again, isAccepted, secondsLeft, summary, type TaskResult } from "./progress.ts";
import type { Run, RunItem } from "./types.ts";

function item(more: Partial<RunItem> = {}): RunItem {
  return {
    id: "i",
    inputs: [{ fileId: "1", name: "a.png" }],
    state: "queued",
    progress: 0,
    files: [],
    notices: [],
    ...more,
  };
}

const news = (more: Partial<TaskNow>) => ({ task_id: "t", progress: 0.5, credits: 2, ...more }) as TaskNow;
const result = (more: Partial<TaskResult>) =>
  ({ task_id: "t", files: [], not_applied: [], notices: [], ...more }) as TaskResult;
const upload = (more: Partial<Upload>) => ({ id: "u", size: 10, sent: 0, state: "waiting", ...more }) as Upload;

test("a task has succeeded once its files are there", () => {
  const running = afterNews(item({ taskId: "t" }), news({ state: "running", message: "Cutting out" }));
  assert.equal(running.state, "running");
  assert.equal(running.message, "Cutting out");
  const ended = afterNews(running, news({ state: "succeeded", progress: 1 }));
  assert.equal(ended.state, "running");
  assert.equal(ended.credits, 2);
  const read = afterResult(ended, result({ status: "Succeeded", files: [{ id: "9" }] }));
  assert.equal(read.state, "succeeded");
  assert.deepEqual(read.files, [{ id: "9" }]);
  // News that comes late changes nothing.
  assert.equal(afterNews(read, news({ state: "running" })).state, "succeeded");
});

test("a failure is not a cancellation, and a retry is no running", () => {
  const failed = afterNews(item(), news({ state: "failed", error_type: "file_corrupt", error_message: "Bad" }));
  assert.deepEqual(failed.error, { reason: "file_corrupt", message: "Bad" });
  assert.equal(afterNews(item(), news({ state: "cancelled", error_type: "cancelled" })).state, "cancelled");
  assert.equal(afterResult(item(), result({ status: "Failed", error_type: "cancelled" })).state, "cancelled");
  assert.equal(afterNews(item(), news({ state: "retrying" })).state, "queued");
});

test("a run that is done again begins with what it needs", () => {
  const failed = item({ taskId: "t", batchId: "b", state: "failed", error: { message: "", reason: "x" } });
  assert.deepEqual(again(failed), item());
  assert.equal(again({ ...failed, inputs: [{ uploadId: "u", name: "a.png" }] }).state, "uploading");
});

test("what is uploaded can be run, what failed to upload goes on when it does", () => {
  const waiting = item({ inputs: [{ uploadId: "u", name: "a.png" }], state: "uploading" });
  const half = afterUploads(waiting, () => upload({ state: "sending", sent: 5 }));
  assert.equal(half.progress, 0.5);
  const failed = afterUploads(half, () =>
    upload({ state: "failed", error: { message: "No room", reason: "quota_exceeded" } }),
  );
  assert.deepEqual(failed.error, { message: "No room", reason: "quota_exceeded", field: "upload" });
  assert.equal(afterUploads(failed, () => upload({ state: "sending" })).state, "uploading");
  const done = afterUploads(failed, () => upload({ state: "done", fileId: "7" }));
  assert.equal(done.state, "queued");
  assert.ok(isReady(done));
  assert.equal(afterUploads(waiting, () => undefined).error?.reason, "upload_missing");
  // Other failures stay.
  const other = item({ state: "failed", error: { message: "", reason: "file_corrupt" } });
  assert.equal(
    afterUploads(other, () => upload({ state: "done", fileId: "7" })),
    other,
  );
});

test("a summary counts, and an upload is half of the way", () => {
  const items = [
    item({ state: "succeeded" }),
    item({ state: "failed" }),
    item({ state: "uploading", progress: 0.5, inputs: [{ uploadId: "u", name: "a" }] }),
    item({ state: "running", progress: 0.75 }),
  ];
  const run: Run = { id: "r", steps: [], startedAt: 0, together: false, items, batchIds: [] };
  assert.deepEqual(summary(run), { total: 4, succeeded: 1, failed: 1, cancelled: 0, open: 2, progress: 0.75 });
});

test("a run is accepted once the server has a task of it, or nothing is left to send", () => {
  const run = (...items: RunItem[]): Run => ({
    id: "r",
    steps: [],
    startedAt: 0,
    together: false,
    items,
    batchIds: [],
  });
  assert.ok(!isAccepted(run(item(), item({ state: "uploading" }))));
  assert.ok(isAccepted(run(item({ taskId: "t" }), item())));
  assert.ok(isAccepted(run(item({ state: "failed" }))));
});

test("the time left is what was expected, then what the progress says", () => {
  const run = (more: Partial<Run>, ...items: RunItem[]): Run => {
    return { id: "r", steps: [], startedAt: 0, together: false, items, batchIds: [], ...more };
  };
  const running = item({ state: "running", progress: 0.5 });
  assert.equal(secondsLeft(run({}, running), 1000), undefined);
  assert.equal(secondsLeft(run({ secondsEach: 30 }, running), 10_000), 20);
  assert.equal(secondsLeft(run({ secondsEach: 5 }, running), 10_000), 10);
  assert.equal(secondsLeft(run({ secondsEach: 8 }, item(), item()), 1000), 16);
  const three = [item({ state: "succeeded" }), item({ state: "succeeded" }), item(), item()];
  assert.equal(secondsLeft(run({}, ...three), 60_000), 60);
  // One that is taken up again is measured from there.
  assert.equal(secondsLeft(run({ resumed: { at: 50_000, progress: 0.25 } }, ...three), 60_000), 20);
  assert.equal(secondsLeft(run({}, item({ state: "succeeded" })), 60_000), undefined);
});
