import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formsZh } from "../i18n/zh/operations/index.ts";
import { Catalogue } from "./catalogue.ts";
import type { Forms } from "./entries.ts";
import { found } from "./search.ts";
import { translated } from "./translation.ts";

const forms = JSON.parse(readFileSync(new URL("../../generated/forms.json", import.meta.url), "utf8")) as Forms;
const english = new Catalogue(forms);
const chinese = new Catalogue(translated(forms, formsZh));
const ids = (query: string, catalogue = english) =>
  found(query, catalogue.choices()).map(({ id, preset }) => preset?.id ?? id);

test("people find operations by the words that they use", () => {
  for (const [query, first] of Object.entries({
    "white background": "white-background",
    "remove bg": "remove_background",
    shadow: "soft-shadow",
    square: "square",
    "jpg to png": "to-png",
    compress: "compress",
    "watermark text": "watermark-text",
    ocr: "read_text",
    exif: "strip-metadata",
  }))
    assert.ok(ids(query).slice(0, 6).includes(first), `${query}: ${ids(query).join(" ")}`);
});

test("a setting leads to its operation, after what has the words in its name", () => {
  assert.ok(ids("blend mode").includes("compose"));
  assert.ok(ids("multiply").includes("compose"));
  assert.deepEqual(ids("no such thing"), []);
});

test("Chinese words are found, too", () => {
  assert.equal(ids("去背景", chinese)[0], "remove_background");
  assert.ok(ids("白底", chinese).includes("white-background"));
  assert.ok(ids("压缩", chinese).includes("compress"));
});
