import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { studio } from "../i18n/en/studio.ts";
import type { Forms } from "./entries.ts";
import { pieces } from "./help.ts";

const { operations } = JSON.parse(
  readFileSync(new URL("../../generated/forms.json", import.meta.url), "utf8"),
) as Forms;

test("no text shows a backtick", () => {
  const helps = operations.flatMap((entry) => entry.fields.map((field) => field.help ?? ""));
  assert.ok(helps.some((help) => help.includes("`")));
  for (const help of helps) {
    assert.equal(help.split("`").length % 2, 1, help);
    assert.ok(!pieces(help).some(({ text }) => text.includes("`")), help);
  }
});

test("a factor begins with one that changes something", () => {
  const factors = operations.flatMap((entry) => entry.fields.filter((field) => field.unit === "×"));
  assert.ok(factors.length > 0);
  for (const factor of factors) assert.ok(Number(factor.default) > 0, factor.name);
});

test("one credit is one credit", () => {
  assert.deepEqual(
    [studio.price("1"), studio.price("2"), studio.price("0.5")],
    ["1 credit", "2 credits", "0.5 credits"],
  );
});
