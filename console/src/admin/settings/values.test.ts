import assert from "node:assert/strict";
import { test } from "node:test";
import { changesOf, valuesOf } from "./values.ts";

test("what is not set is empty", () => {
  assert.deepEqual(valuesOf({}), { loginAttemptLimit: "", tempFileMaxAgeHours: "", disabledTools: [] });
});

test("tools are a JSON array; anything else is none", () => {
  assert.deepEqual(valuesOf({ disabledTools: '["crop","ocr"]' }).disabledTools, ["crop", "ocr"]);
  assert.deepEqual(valuesOf({ disabledTools: "crop" }).disabledTools, []);
  assert.deepEqual(valuesOf({ disabledTools: '{"a":1}' }).disabledTools, []);
});

test("only what is another is written", () => {
  const before = valuesOf({ loginAttemptLimit: "10", disabledTools: '["crop","ocr"]' });
  assert.deepEqual(changesOf(before, { ...before, disabledTools: ["ocr", "", "crop"] }), []);
  assert.deepEqual(changesOf(before, { loginAttemptLimit: "", tempFileMaxAgeHours: "24", disabledTools: ["ocr"] }), [
    { name: "loginAttemptLimit", value: "" },
    { name: "tempFileMaxAgeHours", value: "24" },
    { name: "disabledTools", value: '["ocr"]' },
  ]);
});
