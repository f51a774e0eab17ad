import assert from "node:assert/strict";
import { test } from "node:test";
import { placesOf } from "./places.ts";

test("the places of all notices are found, and nothing else", () => {
  const box = { x1: 1, y1: 2, x2: 3, y2: 4 };
  assert.deepEqual(placesOf([{ boxes: [box] }, {}, { boxes: [{ x1: 1 }, "x", null, box] }]), [box, box]);
});
