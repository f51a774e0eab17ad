import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTIONS, grouped, pageOf } from "./actions.ts";

test("each action is in one group", () => {
  const all = [...grouped().values()].flat();
  assert.deepEqual(all, [...ACTIONS]);
  assert.deepEqual(grouped().get("task"), ["task.cancelled", "task.deleted"]);
});

test("what still exists has a page", () => {
  assert.equal(pageOf("task.cancelled", "7"), "/tasks/7");
  assert.equal(pageOf("task.deleted", "7"), undefined);
  assert.equal(pageOf("key.rotated", "7"), "/keys");
  assert.equal(pageOf("something.new", "7"), undefined);
});
