import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../api/errors.ts";
import { between, grown, meant, moved, opposite } from "./boxes.ts";
import { maskSize, whiteShare } from "./mask.ts";
import { matches } from "./match.ts";
import { fieldErrorsOf, fieldOf } from "./paths.ts";

test("a server's path leads to a field of a step of an item", () => {
  assert.deepEqual(fieldOf("items[3].operations[1].resize.width"), { item: 3, step: 1, field: "width" });
  assert.deepEqual(fieldOf("operations[0].remove_watermark.boxes[2].x1"), { step: 0, field: "boxes[2].x1" });
  assert.deepEqual(fieldOf("operations[0]"), { step: 0, field: "" });
  assert.deepEqual(fieldOf("operation.upscale.factor"), { field: "factor" });
  assert.deepEqual(fieldOf("steps.1.settings.width"), { step: 1, field: "width" });
  assert.deepEqual(fieldOf("width"), { field: "width" });
  assert.deepEqual(fieldOf("cells.0.zoom"), { field: "cells[0].zoom" });
});

test("an error is that of its step's field", () => {
  const error = new ApiError(400, "must be at most 8", { field: "operations[1].upscale.factor" });
  assert.deepEqual(fieldErrorsOf(error), { factor: "must be at most 8" });
  assert.deepEqual(fieldErrorsOf(error, 1), { factor: "must be at most 8" });
  assert.deepEqual(fieldErrorsOf(error, 0), {});
  assert.deepEqual(fieldErrorsOf(new Error("no")), {});
});

test("a box is between two points, whichever comes first, within the picture", () => {
  assert.deepEqual(between({ x: 50, y: 60 }, { x: 10, y: -5 }), { x1: 10, y1: 0, x2: 50, y2: 60 });
  assert.equal(meant(between({ x: 1, y: 1 }, { x: 1.2, y: 9 })), false);
});

test("a moved box keeps its size at the edges", () => {
  const box = { x1: 80, y1: 5, x2: 95, y2: 20 };
  assert.deepEqual(moved(box, 10, -10), { x1: 85, y1: 0, x2: 100, y2: 15 });
});

test("a box grows from its corner and never turns over", () => {
  const box = { x1: 10, y1: 10, x2: 20, y2: 20 };
  assert.deepEqual(grown(box, 5, -50), { x1: 10, y1: 10, x2: 25, y2: 10.5 });
  assert.deepEqual(grown(box, 500, 0), { x1: 10, y1: 10, x2: 100, y2: 20 });
  assert.deepEqual(opposite(box, "nw"), { x: 20, y: 20 });
  assert.deepEqual(opposite(box, "se"), { x: 10, y: 10 });
});

test("a mask is no larger than it needs to be", () => {
  assert.deepEqual(maskSize(600, 400), { width: 600, height: 400 });
  assert.deepEqual(maskSize(8192, 4096), { width: 2048, height: 1024 });
  const pixels = new Uint8ClampedArray(64 * 4);
  pixels[64] = 255;
  assert.equal(whiteShare(pixels), 0.25);
});

test("all words are looked for, whatever their case and accents", () => {
  assert.equal(matches("remove BACK", ["Remove the background"]), true);
  assert.equal(matches("café", ["Cafe"]), true);
  assert.equal(matches("remove noise", ["Remove the background"]), false);
  assert.equal(matches("背景", ["移除背景"]), true);
});
