import assert from "node:assert/strict";
import { test } from "node:test";
import { asked, isFiltered, passes, readFilters, writeFilters } from "./filters.ts";
import { task } from "./testing.ts";

test("filters and the query of the address say the same", () => {
  const filters = { state: "failed", operation: "upscale", name: "a&b =ä", batch: "12", period: "week" } as const;
  assert.deepEqual(readFilters(writeFilters(filters)), filters);
  const days = { from: "2026-01-30", to: "2026-02-01" };
  assert.deepEqual(readFilters(writeFilters(days)), days);
  assert.equal(writeFilters({}), "");
  assert.equal(isFiltered({}), false);
  assert.equal(isFiltered({ name: "x" }), true);
});

test("what makes no sense is left out", () => {
  assert.deepEqual(readFilters("state=odd&operation=A+B&batch=x&period=year&from=2026-13&to=yesterday&name="), {});
  assert.deepEqual(readFilters("period=day&from=2026-01-01"), { period: "day" });
});

test("a period counts back from now, days go from midnight to midnight", () => {
  const now = new Date("2026-01-10T12:00:00Z");
  assert.deepEqual(asked({ period: "hour" }, now), { created_after: "2026-01-10T11:00:00.000Z" });
  const { created_after, created_before } = asked({ from: "2026-01-31", to: "2026-01-31" }, now);
  assert.equal(new Date(created_after ?? "").getTime(), new Date(2026, 0, 31).getTime());
  assert.equal(new Date(created_before ?? "").getTime(), new Date(2026, 1, 1).getTime());
});

test("a task passes as on the server", () => {
  const one = task("1", {
    state: "failed",
    operations: ["upscale", "convert"],
    input_names: ["Cat.PNG"],
    batch_id: "5",
  });
  const now = new Date(new Date(one.created_at).getTime() + 60_000);
  for (const filters of [
    {},
    { state: "failed" },
    { operation: "convert" },
    { name: "cat.p" },
    { batch: "5" },
    { period: "hour" },
  ] as const)
    assert.equal(passes(one, filters, now), true, JSON.stringify(filters));
  for (const filters of [
    { state: "running" },
    { operation: "resize" },
    { name: "dog" },
    { batch: "6" },
    { to: "2025-12-31" },
    { from: "2026-02-01" },
  ] as const)
    assert.equal(passes(one, filters, now), false, JSON.stringify(filters));
});
