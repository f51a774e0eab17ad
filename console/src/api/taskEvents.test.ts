import assert from "node:assert/strict";
import test from "node:test";
import { AccountEventReader } from "./taskEvents.ts";

const READY = { id: "7", name: "ready", data: "{}" };

test("a new stream asks for a list, one that goes on does not", () => {
  const reader = new AccountEventReader();
  assert.deepEqual(reader.read(READY), { kind: "list" });
  assert.equal(reader.read(READY), undefined);
  assert.deepEqual(reader.read({ id: "9", name: "reset", data: "{}" }), { kind: "list" });
});

test("a stream without numbers cannot go on", () => {
  const reader = new AccountEventReader();
  reader.read({ ...READY, id: undefined });
  assert.deepEqual(reader.read({ ...READY, id: undefined }), { kind: "list" });
});

test("tasks and deletions", () => {
  const reader = new AccountEventReader();
  assert.deepEqual(reader.read({ id: "1", name: "message", data: '{"task_id":"5","state":"running"}' }), {
    kind: "task",
    task: { task_id: "5", state: "running" },
  });
  assert.deepEqual(reader.read({ id: "2", name: "deleted", data: '{"batch_id":"6"}' }), {
    kind: "deleted",
    taskId: undefined,
    batchId: "6",
  });
  assert.equal(reader.read({ id: "3", name: "news", data: "" }), undefined);
});
