import assert from "node:assert/strict";
import { test } from "node:test";
import { operationRows, rowsOf } from "./parameters.ts";
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
