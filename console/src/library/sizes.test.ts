import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../i18n/en/index.ts";
import type { LibraryFile } from "./keeping.ts";
import { moves, sizeOf } from "./sizes.ts";

const file = (about: Partial<LibraryFile>) => ({ media_type: "image/png", ...about }) as LibraryFile;
const said = (about: Partial<LibraryFile>) => sizeOf(file(about), en, String);

test("the size of a file is what it has: pixels, frames, seconds or pages", () => {
  const pixels = { width: 640, height: 360 };
  assert.equal(said({ ...pixels, frames: 1 }), "640 × 360");
  assert.equal(said({ ...pixels, frames: 12 }), "640 × 360 · 12 frames");
  assert.equal(said({ ...pixels, frames: 3, media_type: "image/tiff" }), "640 × 360 · 3 pages");
  assert.equal(said({ ...pixels, frames: 300, duration_milliseconds: 10_040 }), "640 × 360 · 10 s");
  assert.equal(said({ pages: 2 }), "2 pages");
  assert.equal(said({}), undefined);
});

test("animations and videos move", () => {
  assert.ok(moves(file({ frames: 2 })) && moves(file({ media_type: "video/mp4" })));
  assert.ok(!moves(file({})) && !moves(file({ frames: 1 })) && !moves(file({ frames: 2, media_type: "image/tiff" })));
});
