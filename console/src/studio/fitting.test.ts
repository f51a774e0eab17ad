import assert from "node:assert/strict";
import { test } from "node:test";
import type { FormEntry } from "../forms/entries.ts";
import { fits, fitting, isGif, kindOf, ofSteps, stillStep, together } from "./fitting.ts";

function entry(inputs: FormEntry["inputs"]): FormEntry {
  return { id: "x", name: "X", summary: "", category: "shape", inputs, fields: [] };
}

const EACH = entry({ min: 1, max: 1, kinds: ["image"] });
const SEVERAL = entry({ min: 2, max: 3, kinds: ["image"] });
const NONE = entry({ min: 0, max: 0, kinds: [] });

function named(...names: string[]) {
  return names.map((name) => ({ name }));
}

test("files are recognised by their names, in upper or lower case", () => {
  assert.deepEqual(["A.JPG", "scan.final.PDF", "logo.svg", "notes.txt", "noextension"].map(kindOf), [
    "image",
    "pdf",
    "svg",
    "other",
    "other",
  ]);
  assert.ok(fits(EACH, "logo.svg"));
  assert.ok(!fits(entry({ min: 1, max: 1, kinds: ["svg"] }), "photo.png"));
  assert.ok(fits(entry({ min: 1, max: 9, kinds: ["any"] }), "notes.txt"));
});

test("videos are taken where every step works on every frame", () => {
  const moving = { ...entry({ min: 1, max: 1, kinds: ["image", "video"] }), takes: ["image/png", "video/mp4"] };
  assert.deepEqual(["a.mp4", "A.M4V", "a.webm", "a.mov"].map(kindOf), ["video", "video", "video", "video"]);
  assert.ok(fits(moving, "a.mp4") && fits(moving, "a.gif") && !fits(EACH, "a.mp4"));
  assert.ok(fits(ofSteps(moving, [moving, moving]), "a.mp4"));
  const chain = ofSteps(moving, [moving, EACH]);
  assert.ok(fits(chain, "a.png") && !fits(chain, "a.mp4"));
  assert.deepEqual(chain.takes, ["image/png"]);
  assert.equal(stillStep([moving, EACH]), EACH);
  assert.ok(isGif("a.GIF") && !isGif("gif.png"));
});

test("what is of another kind is left out, and named", () => {
  assert.deepEqual(fitting(EACH, named("a.png", "b.pdf", "c.webp")), {
    fit: named("a.png", "c.webp"),
    unfit: named("b.pdf"),
  });
  assert.deepEqual(fitting(EACH, named("b.pdf")).problem, { kind: "none fit" });
  assert.deepEqual(fitting(EACH, []).problem, { kind: "too few", min: 1 });
});

test("what makes one of several has bounds, what makes one of each has none", () => {
  assert.ok(together(SEVERAL) && !together(EACH) && together(NONE));
  assert.deepEqual(fitting(SEVERAL, named("a.png")).problem, { kind: "too few", min: 2 });
  assert.deepEqual(fitting(SEVERAL, named("a.png", "b.png", "c.png", "d.png")).problem, { kind: "too many", max: 3 });
  assert.equal(
    fitting(
      EACH,
      Array.from({ length: 300 }, (_, index) => ({ name: `${index}.jpg` })),
    ).problem,
    undefined,
  );
});

test("what needs no file is run without any, whatever there is", () => {
  assert.deepEqual(fitting(NONE, named("a.png")), { fit: [], unfit: [] });
});
