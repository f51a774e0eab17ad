import assert from "node:assert/strict";
import { test } from "node:test";
import type { FormField } from "./entries.ts";
import { faultsOf, faultsOfEntry, validSettings } from "./faults.ts";
import { inSight } from "./fold.ts";
import { firstSentence, pieces } from "./help.ts";
import { slider } from "./slider.ts";
import { changed, sent, shown, typed, valueNow } from "./values.ts";

const field = (name: string, more: Partial<FormField> = {}): FormField => ({
  name,
  label: name,
  type: "number",
  ...more,
});

const QUALITY = field("quality", {
  type: "integer",
  min: 1,
  max: 100,
  default: 95,
  show_when: { format: ["auto", "jpg"] },
});
const FORMAT = field("format", {
  type: "enum",
  default: "auto",
  options: [
    { value: "auto", label: "Auto" },
    { value: "png", label: "PNG" },
  ],
});

test("what is as it would be anyway is not in the settings", () => {
  const set = changed(QUALITY, {}, 80);
  assert.deepEqual(set, { quality: 80 });
  assert.deepEqual(changed(QUALITY, set, 95), {});
  assert.deepEqual(changed(QUALITY, set, undefined), {});
  assert.equal(valueNow(QUALITY, {}), 95);
});

test("a required field is there with its default", () => {
  const required = { ...FORMAT, required: true };
  assert.deepEqual(changed(required, {}, "auto"), { format: "auto" });
  assert.deepEqual(sent([required], {}), { format: "auto" });
});

test("colours are the same in both cases", () => {
  assert.deepEqual(changed(field("color", { type: "color", default: "#FFFFFF" }), {}, "#ffffff"), {});
});

test("a switch that is on by default can be off", () => {
  assert.deepEqual(changed(field("loop", { type: "boolean", default: true }), {}, false), { loop: false });
});

test("a field is shown while its neighbours have the values for it", () => {
  const fields = [FORMAT, QUALITY];
  assert.equal(shown(QUALITY, fields, {}), true);
  assert.equal(shown(QUALITY, fields, { format: "png" }), false);
  assert.deepEqual(sent(fields, { format: "png", quality: 80 }), { format: "png" });
});

test("objects and lists are sent with what they hold", () => {
  const inner = [field("shadow"), field("width", { required: true, default: 3 })];
  const fields = [
    field("effects", { type: "object", fields: [field("blur")] }),
    field("cells", { type: "list", fields: inner }),
  ];
  assert.deepEqual(sent(fields, { effects: { blur: 2 }, cells: [{}, { shadow: 1 }] }), {
    effects: { blur: 2 },
    cells: [{ width: 3 }, { width: 3, shadow: 1 }],
  });
  assert.deepEqual(sent(fields, { effects: {} }), {});
});

test("numbers are read as they are typed", () => {
  assert.equal(typed("12"), 12);
  assert.equal(typed(" 1.5 "), 1.5);
  assert.equal(typed("1,5"), 1.5);
  assert.equal(typed("−3"), -3);
  assert.equal(typed("12x"), "12x");
  assert.equal(typed(""), undefined);
});

test("messages about limits name them", () => {
  const fields = [field("width", { type: "integer", min: 1, max: 100 }), field("scale", { min_exclusive: 0 })];
  assert.deepEqual(faultsOf(fields, { width: 101 }), [{ path: "width", kind: "most", limit: 100 }]);
  assert.deepEqual(faultsOf(fields, { width: 0 }), [{ path: "width", kind: "least", limit: 1 }]);
  assert.deepEqual(faultsOf(fields, { width: 1.5 }), [{ path: "width", kind: "whole" }]);
  assert.deepEqual(faultsOf(fields, { width: "1x" }), [{ path: "width", kind: "number" }]);
  assert.deepEqual(faultsOf(fields, { scale: 0 }), [{ path: "scale", kind: "above", limit: 0 }]);
  assert.deepEqual(faultsOf(fields, {}), []);
});

test("what is not shown cannot be wrong", () => {
  assert.deepEqual(faultsOf([FORMAT, QUALITY], { format: "png", quality: 1000 }), []);
});

test("texts, colours and choices are checked", () => {
  const fields = [
    field("text", { type: "string", min_length: 2, max_length: 3, required: true }),
    field("color", { type: "color", also: ["transparent"] }),
    field("alpha", { type: "color", alpha: true }),
    field("ratio", { type: "string", pattern: "^[0-9]+:[0-9]+$", must: "be a ratio" }),
    FORMAT,
  ];
  const kinds = (settings: Record<string, unknown>) => faultsOf(fields, settings).map((fault) => fault.kind);
  assert.deepEqual(kinds({}), ["missing"]);
  assert.deepEqual(kinds({ text: "x" }), ["short"]);
  assert.deepEqual(kinds({ text: "四个字吗" }), ["long"]);
  assert.deepEqual(kinds({ text: "ok", color: "transparent", alpha: "#00000080" }), []);
  assert.deepEqual(kinds({ text: "ok", color: "#00000080" }), ["color"]);
  assert.deepEqual(kinds({ text: "ok", ratio: "16x9" }), ["pattern"]);
  assert.deepEqual(kinds({ text: "ok", format: "bmp" }), ["choice"]);
});

test("what is within objects, lists and boxes has its path", () => {
  const fields = [
    field("effects", { type: "object", fields: [field("blur", { max: 5 })] }),
    field("cells", { type: "list", fields: [field("zoom", { min: 1 })], max_items: 1 }),
    field("boxes", { type: "boxes", max_items: 5 }),
    field("keywords", { type: "list", item: { type: "string" } }),
  ];
  const settings = {
    effects: { blur: 6 },
    cells: [{ zoom: 1 }, { zoom: 0 }],
    boxes: [{ x1: 5, y1: 0, x2: 4, y2: 9 }],
    keywords: ["a", ""],
  };
  assert.deepEqual(
    faultsOf(fields, settings).map((fault) => `${fault.path} ${fault.kind}`),
    ["effects.blur most", "cells rows", "cells[1].zoom least", "boxes[0] box", "keywords[1] missing"],
  );
});

test("one of a group has to be set", () => {
  const entry = { fields: [field("width"), field("height")], one_of: [["width", "height"]] };
  assert.equal(validSettings(entry, {}), false);
  assert.deepEqual(faultsOfEntry(entry, {}), [{ path: "width", kind: "either", names: ["width", "height"] }]);
  assert.equal(validSettings(entry, { height: 5 }), true);
});

test("a slider is for limits that are near, with a value to begin with", () => {
  assert.deepEqual(slider(QUALITY), { min: 1, max: 100, step: 1 });
  assert.equal(slider(field("width", { type: "integer", min: 1, max: 65535, default: 1 })), undefined);
  assert.equal(slider(field("blur", { min: 0, max: 100, step: 1 })), undefined);
  assert.deepEqual(slider(field("factor", { min_exclusive: 0, max: 2, step: 0.05, default: 1 })), {
    min: 0.05,
    max: 2,
    step: 0.05,
  });
});

test("what is rarely used is folded, unless it is required or belongs to what is not", () => {
  const fields = [
    ...Array.from({ length: 9 }, (_, index) => field(`f${index}`)),
    field("needed", { required: true }),
    field("shadow", { show_when: { f0: [1] } }),
    field("rare", { show_when: { f8: [1] } }),
  ];
  const seen = inSight(fields);
  assert.deepEqual([...seen].sort(), ["f0", "f1", "f2", "f3", "f4", "f5", "needed", "shadow"]);
  assert.equal(inSight(fields.slice(0, 7)).size, 7);
});

test("a help begins with its first sentence", () => {
  const text = "Pixels, e.g. 16. `auto. Or` so. More.";
  assert.equal(firstSentence("Its width, 1 to 2.5. Then more."), "Its width, 1 to 2.5.");
  assert.equal(firstSentence(text), "Pixels, e.g. 16.");
  assert.equal(firstSentence("One only"), "One only");
  assert.deepEqual(pieces("As `png` is"), [
    { text: "As ", code: false },
    { text: "png", code: true },
    { text: " is", code: false },
  ]);
});
