import assert from "node:assert/strict";
import test from "node:test";
import { ApiError } from "../api/errors.ts";
import { batchBody, dependOnName, extensionOf, firstOf, groupsOf, mayBeOne, probeOf, withFiles } from "./planning.ts";
import type { Choice, Operation, RunItem } from "./types.ts";

const tool = (id: string, files?: Record<string, string>): Choice => ({ kind: "tool", id, settings: {}, files });
const item = (id: string, ...fileIds: string[]): RunItem => {
  const inputs = fileIds.map((fileId) => ({ fileId, name: "a.png" }));
  return { id, inputs, state: "queued", progress: 0, files: [], notices: [] };
};

test("tools that follow each other are planned together", () => {
  const cut: Choice = { kind: "operation", id: "remove_background", settings: {} };
  const groups = groupsOf([tool("resize"), tool("convert"), cut, tool("rotate")]);
  assert.deepEqual(
    groups.map((group) => (group.kind === "tools" ? group.steps.map(({ id }) => id) : group.step.id)),
    [["resize", "convert"], "remove_background", ["rotate"]],
  );
});

test("extra files go into the operation of the step that names them", () => {
  const operations = [{ resize: {} }, { convert: {} }, { compose: { x: 1 } }];
  const planned = [{ operations: 2 }, { operations: 1 }];
  const files = [{ part: "overlay", operation: 2, field: "compose.overlay_file_id" }];
  const steps = [tool("resize"), tool("compose", { overlay: "77" })];
  assert.deepEqual(withFiles(operations, planned, files, steps)[2], { compose: { x: 1, overlay_file_id: "77" } });
  assert.deepEqual(operations[2], { compose: { x: 1 } });
  assert.throws(
    () => withFiles(operations, planned, files, [tool("resize"), tool("compose")]),
    (error) => error instanceof ApiError && error.reason === "file_needed" && error.field === "overlay",
  );
});

test("it is seen whether operations depend on the name", () => {
  assert.equal(extensionOf("A.b.JPG"), ".jpg");
  assert.equal(extensionOf(".hidden"), "");
  const named = [{ split: { name: probeOf("") } }] as Operation[];
  assert.ok(dependOnName(named));
  assert.ok(!dependOnName([{ resize: {} }] as Operation[]));
});

test("one call has so many items and files", () => {
  const many = Array.from({ length: 450 }, (_, index) => item(`${index}`, "1"));
  assert.equal(firstOf(many).length, 200);
  const large = Array.from({ length: 60 }, (_, index) => item(`${index}`, ...Array<string>(100).fill("1")));
  assert.equal(firstOf(large).length, 50);
});

test("what most items do is said once", () => {
  const usual = [{ resize: {} }] as Operation[];
  const other = [{ split: {} }] as Operation[];
  const body = batchBody([
    { item: item("a", "1"), operations: other },
    { item: item("b", "2"), operations: usual },
    { item: item("c", "3", "4"), operations: structuredClone(usual) },
  ]);
  assert.deepEqual(body, {
    mode: "per_item",
    operations: usual,
    items: [{ file_ids: ["1"], operations: other }, { file_ids: ["2"] }, { file_ids: ["3", "4"] }],
  });
});

test("a refusal of all may be about the first alone", () => {
  const error = (reason: string, field?: string) => new ApiError(400, "", { reason, field });
  assert.ok(mayBeOne(error("file_not_found", "items[0].file_ids[0]")));
  assert.ok(mayBeOne(error("media_unsupported")));
  assert.ok(!mayBeOne(error("field_invalid", "items[0].operations[0].upscale.factor")));
  assert.ok(!mayBeOne(error("insufficient_credits")));
});
