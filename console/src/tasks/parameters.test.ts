import assert from "node:assert/strict";
import { test } from "node:test";
import { isSet, operationRows, rowsOf } from "./parameters.ts";
import { humanized } from "./text.ts";

test("operations become rows, in order", () => {
  assert.deepEqual(
    operationRows([{ remove_background: { trim: true, background: { color: "#ffffff" } } }, { upscale: {} }]),
    [
      {
        operation: "remove_background",
        rows: [
          { path: ["trim"], value: true },
          { path: ["background", "color"], value: "#ffffff" },
        ],
      },
      { operation: "upscale", rows: [] },
    ],
  );
});

test("lists of plain values are one row, lists of objects are numbered", () => {
  assert.deepEqual(
    rowsOf({ pages: [1, 2], boxes: [{ x: 1 }, { x: 2 }], none: null, empty: [] }).map(({ path, value }) => [
      path.join("."),
      value,
    ]),
    [
      ["pages", "1, 2"],
      ["boxes.1.x", 1],
      ["boxes.2.x", 2],
    ],
  );
});

test("names are words", () => {
  assert.equal(humanized("remove_background"), "Remove background");
  assert.equal(humanized("maxWidth"), "Max width");
  assert.equal(humanized("4k-video"), "4k video");
});

test("default parameters are not listed", () => {
  const set = (value: string | number | boolean, field?: { default?: unknown; min?: number }, path = "a") =>
    isSet({ path: path.split("."), value }, field);
  for (const value of ["", "0", 0, false]) assert.equal(set(value), false, String(value));
  for (const value of ["a", 1, true, "SUBJECT_PRODUCT"]) assert.equal(set(value), true, String(value));
  assert.equal(set(false, { default: true }), true);
  assert.equal(set(0, { default: 80, min: 0 }), true);
  assert.equal(set(0, { default: 80, min: 1 }), false);
  assert.equal(set(0, undefined, "boxes.1.x"), true);
});
