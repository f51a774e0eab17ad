import assert from "node:assert/strict";
import { test } from "node:test";
import { inLine, shapeOf, wordsOf } from "./json.ts";
import { comparable, viewKind } from "./kinds.ts";
import {
  centred,
  fitZoom,
  held,
  nextZoom,
  overflows,
  panned,
  placed,
  wheelTimes,
  zoomedAt,
  zoomRange,
} from "./view.ts";

const FRAME = { width: 800, height: 600 };
const LARGE = { width: 4000, height: 2000 };
const SMALL = { width: 100, height: 100 };

test("a picture fits without being enlarged beyond its detail", () => {
  assert.equal(fitZoom(FRAME, LARGE), 0.2);
  assert.equal(fitZoom(FRAME, SMALL), 1);
  assert.equal(fitZoom(FRAME, SMALL, 4), 4);
  assert.equal(fitZoom({ width: 0, height: 0 }, LARGE), 1);
});

test("a large picture may be smaller than a quarter, a fine one larger than eight times", () => {
  assert.deepEqual(zoomRange(FRAME, LARGE), { least: 0.2, most: 8 });
  assert.deepEqual(zoomRange(FRAME, SMALL, 8), { least: 0.25, most: 16 });
  assert.deepEqual(zoomRange(FRAME, SMALL, 4, 1 / 4), { least: 0.25, most: 32 });
});

test("the pixel under the pointer stays there", () => {
  const view = centred(FRAME, LARGE, 0.2);
  const point = { x: 300, y: 200 };
  const pixel = (seen: typeof view) => [(point.x - seen.x) / seen.zoom, (point.y - seen.y) / seen.zoom];
  assert.deepEqual(pixel(zoomedAt(view, point, 1)), pixel(view));
});

test("a picture leaves no gap while it is cut off", () => {
  const view = { zoom: 1, x: 0, y: 0 };
  assert.deepEqual(held(panned(view, 500, -9000), FRAME, LARGE), { zoom: 1, x: 0, y: -1400 });
  assert.deepEqual(held(panned(view, 500, 9000), FRAME, SMALL), { zoom: 1, x: 350, y: 250 });
  assert.equal(overflows(view, FRAME, LARGE), true);
  assert.equal(overflows(centred(FRAME, LARGE, 0.2), FRAME, LARGE), false);
});

test("buttons zoom in steps of what is shown", () => {
  assert.equal(nextZoom(0.2, 1), 0.25);
  assert.equal(nextZoom(1, -1), 0.67);
  assert.equal(nextZoom(1, 1), 1.5);
  // For a result with four pixels for one of the original's, 100% is zoom 4.
  assert.equal(nextZoom(2.68, 1, 0.25), 4);
});

test("the wheel zooms the same way back", () => {
  assert.ok(Math.abs(wheelTimes(-100, 0) * wheelTimes(100, 0) - 1) < 1e-9);
  assert.equal(wheelTimes(3, 1), wheelTimes(48, 0));
});

test("an enlarged result lies on its original, a cropped one in the middle", () => {
  const original = { width: 600, height: 400 };
  assert.deepEqual(placed(original, { width: 2400, height: 1600 }), { x: 0, y: 0, ...original, alike: true });
  assert.deepEqual(placed(original, { width: 200, height: 200 }), {
    x: 100,
    y: 0,
    width: 400,
    height: 400,
    alike: false,
  });
});

test("a file is shown by its type, or else by its name", () => {
  assert.equal(viewKind("x", "image/png"), "picture");
  assert.equal(viewKind("x.TIFF"), "picture");
  assert.equal(viewKind("x.pdf"), "pdf");
  assert.equal(viewKind("x.MP4"), "video");
  assert.equal(viewKind("x", "video/webm"), "video");
  assert.ok(comparable("picture", "video") && comparable("pdf", "pdf"));
  assert.ok(!comparable("pdf", "picture") && !comparable("text", "text"));
  assert.equal(viewKind("x.bin", "application/json"), "json");
  assert.equal(viewKind("x.txt", "text/plain; charset=utf-8"), "text");
  assert.equal(viewKind("x.zip", "application/octet-stream"), "archive");
  assert.equal(viewKind("x"), "other");
});

test("values are shown as what they are", () => {
  assert.equal(shapeOf("#c0a080").kind, "colour");
  assert.equal(shapeOf("#c0a08").kind, "plain");
  assert.equal(shapeOf("two\nlines").kind, "long");
  assert.equal(shapeOf([1, 2]).kind, "values");
  assert.equal(shapeOf([{ type: "QRCode", at: { x: 1, y: 2 } }]).kind, "table");
  assert.equal(shapeOf([{ files: [{ a: { b: { c: 1 } } }] }]).kind, "list");
  assert.equal(shapeOf({ a: 1 }).kind, "record");
  assert.equal(inLine({ topLeft: { x: 1, y: 2 } }), "Top left (X 1, Y 2)");
  assert.equal(wordsOf("spaceSaveable"), "Space saveable");
  assert.equal(wordsOf("page_count"), "Page count");
});
