import assert from "node:assert/strict";
import { test } from "node:test";
import { type Key, stateOf, works } from "./state.ts";

const NOW = new Date("2026-11-01T00:00:00Z");
const key = (more: Partial<Key>): Key => ({
  id: "1",
  name: "ci",
  prefix: "dk_sk_a",
  created_at: "2026-01-01T00:00:00Z",
  ...more,
});

test("a key without an end is active", () => {
  assert.equal(stateOf(key({}), [], NOW), "active");
  assert.equal(stateOf(key({ expires_at: "2026-11-02T00:00:00Z" }), [], NOW), "active");
});

test("a rotated key is replaced until its overlap ends", () => {
  const old = key({ expires_at: "2026-11-02T00:00:00Z" });
  const next = key({ id: "2", replaces: "1" });
  assert.equal(stateOf(old, [next, old], NOW), "replaced");
  assert.equal(stateOf(old, [next, old], new Date("2026-11-03T00:00:00Z")), "expired");
  assert.ok(works(stateOf(old, [next, old], NOW)));
});

test("a revoked key is revoked, whatever else it is", () => {
  const ended = key({ expires_at: "2026-01-02T00:00:00Z", revoked_at: "2026-01-02T00:00:00Z" });
  assert.equal(stateOf(ended, [], NOW), "revoked");
  assert.ok(!works("revoked"));
});
