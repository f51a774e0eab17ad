import assert from "node:assert/strict";
import { test } from "node:test";
import { daysAfter, isoOf, localOf } from "./times.ts";

test("a local time there and back", () => {
  const time = new Date("2026-11-01T09:36:00.000Z");
  assert.equal(isoOf(localOf(time)), "2026-11-01T09:36:00.000Z");
});

test("an empty field and nonsense are no time", () => {
  assert.equal(isoOf(""), undefined);
  assert.equal(isoOf("soon"), undefined);
});

test("days later", () => {
  assert.equal(daysAfter(30, new Date("2026-01-01T00:00:00Z")).toISOString(), "2026-01-31T00:00:00.000Z");
});
