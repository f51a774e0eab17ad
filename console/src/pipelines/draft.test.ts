import assert from "node:assert/strict";
import { test } from "node:test";
import { added, EMPTY, fromSaved, moved, removed, sameDraft, withSettings } from "./draft.ts";

const saved = {
  id: "1",
  name: "Shop",
  operations: [{ resize: { width: 800 } }, { convert: {} }, { border: {} }],
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
};
const draft = fromSaved(saved);
const step = (key: string) => ({ key, id: "resize", settings: {} });
const operations = (of: typeof draft) => of.steps.map(({ id }) => id).join(" ");

test("a saved pipeline becomes a draft", () => {
  assert.equal(draft.description, "");
  assert.deepEqual(draft.steps[1]?.settings, {});
  assert.equal(new Set(draft.steps.map(({ key }) => key)).size, 3);
});

test("steps move, and stay where there is no room", () => {
  assert.equal(operations(moved(draft, 0, 2)), "convert border resize");
  assert.equal(operations(moved(draft, 2, 1)), "resize border convert");
  for (const [from, to] of [
    [0, -1],
    [2, 3],
    [1, 1],
    [7, 0],
  ] as const)
    assert.equal(moved(draft, from, to), draft);
});

test("steps are added, set and removed by their keys", () => {
  const two = added(added(EMPTY, step("a")), step("b"));
  const set = withSettings(two, "b", { width: 5 });
  assert.deepEqual(set.steps[0]?.settings, {});
  assert.deepEqual(removed(set, "a").steps, [{ key: "b", id: "resize", settings: { width: 5 } }]);
});

test("keys make no difference, settings do", () => {
  assert.ok(sameDraft(draft, { ...draft, steps: draft.steps.map((step) => ({ ...step, key: `x${step.key}` })) }));
  assert.ok(!sameDraft(draft, withSettings(draft, "saved 1", { format: "webp" })));
});
