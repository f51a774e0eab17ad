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

test("no text shows a code", () => {
  assert.doesNotMatch(JSON.stringify(operations.map(shown)), /\b[A-Z]{2,}_[A-Z_]+\b/);
});

/** The texts of a form, or of a part of it, that a person reads. */
function shown(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(shown);
  if (typeof part !== "object" || part === null) return undefined;
  return Object.entries(part).map(([name, value]) =>
    typeof value === "string" ? ["name", "label", "summary", "help"].includes(name) && value : shown(value),
  );
}

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
