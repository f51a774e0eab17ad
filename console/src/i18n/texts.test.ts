import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "./en/index.ts";
import { withoutChinese } from "./untranslated.ts";
import { zh } from "./zh/index.ts";

/** Names that are the same in all languages. */
const NAMES = /Darkroom|English|JSON|PDF|Webhook/g;

test("every text of the page is in Chinese", () => {
  const english = new Map(leaves(en));
  const left = leaves(zh).filter(([path, text]) => {
    const own = english.get(path);
    return /[A-Za-z]{3}/.test(text.replace(NAMES, "")) && (text === own || withoutChinese([text]).length > 0);
  });
  assert.deepEqual(left, []);
});

/** All texts with their paths; those with arguments, with some. */
function leaves(texts: object, path = ""): [string, string][] {
  return Object.entries(texts).flatMap(([name, value]): [string, string][] => {
    const at = `${path}.${name}`;
    if (name === "server") return [];
    if (typeof value === "string") return [[at, value]];
    if (typeof value === "function") return [[at, String(value("1", "2", "3", "4"))]];
    return leaves(value as object, at);
  });
}
