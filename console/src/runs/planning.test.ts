import assert from "node:assert/strict";
import test from "node:test";
import { ApiError } from "../api/errors.ts";
import { batchBody, firstOf, mayBeOne } from "./planning.ts";
import type { Operation, RunItem } from "./types.ts";

const item = (id: string, ...fileIds: string[]): RunItem => {
  const inputs = fileIds.map((fileId) => ({ fileId, name: "a.png" }));
  return { id, inputs, state: "queued", progress: 0, files: [], notices: [] };
};

test("one call has so many items and files", () => {
  const many = Array.from({ length: 450 }, (_, index) => item(`${index}`, "1"));
  assert.equal(firstOf(many).length, 200);
  const large = Array.from({ length: 60 }, (_, index) => item(`${index}`, ...Array<string>(100).fill("1")));
  assert.equal(firstOf(large).length, 50);
});

test("one call creates the tasks of all its items", () => {
  const operations = [{ resize: {} }] as Operation[];
  const items = [{ file_ids: ["1"] }, { file_ids: ["3", "4"] }];
  assert.deepEqual(batchBody([item("a", "1"), item("b", "3", "4")], operations), {
    mode: "per_item",
    operations,
    items,
  });
});

test("a refusal of all may be about the first alone", () => {
  const error = (reason: string, field?: string) => new ApiError(400, "", { reason, field });
  assert.ok(mayBeOne(error("file_not_found", "items[0].file_ids[0]")));
  assert.ok(mayBeOne(error("media_unsupported")));
  assert.ok(!mayBeOne(error("field_invalid", "items[0].operations[0].upscale.factor")));
  assert.ok(!mayBeOne(error("insufficient_credits")));
});
