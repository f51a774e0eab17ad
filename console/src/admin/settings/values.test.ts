import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { en } from "../../i18n/en/index.ts";
import { changesOf, FORM, valuesOf } from "./values.ts";

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

test("every setting that means something has a field or a name", () => {
  const proto = readFileSync("../protos/darkroom/rest/v1/settings.proto", "utf8");
  const lines = proto.match(/^\/\/ - `.*?:/gm) ?? [];
  const names = lines.flatMap((line) => [...line.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name));
  assert.ok(names.length >= 7);
  const known = new Set([...FORM, ...Object.keys(en.settings.otherNames)]);
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    [],
  );
});
