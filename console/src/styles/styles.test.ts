import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

const FOLDER = new URL(".", import.meta.url);
/** The frame of every page, and components that several pages show. Each other stylesheet belongs to one kind of page. */
const COMMON = ["tokens.css", "base.css", "ui.css", "shell.css", "forms.css", "viewer.css"];
const SHEETS = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".css"))
  .map((name) => ({ name, content: readFileSync(new URL(name, FOLDER), "utf8").replace(/\/\*[\s\S]*?\*\//g, "") }));

function isCommon({ name }: { name: string }): boolean {
  return COMMON.includes(name);
}

function classesOf(content: string): Set<string> {
  const selectors = [...content.matchAll(/([^{};]+)\{/g)].flatMap(([, selector = ""]) => selector);
  return new Set(
    selectors.flatMap((selector) => [...selector.matchAll(/\.([a-z][\w-]*)/gi)].map(([, name = ""]) => name)),
  );
}

/** The selectors and at-rules that are inside nothing. */
function outermost(content: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let since = 0;
  for (const [index, letter] of [...content].entries()) {
    if (letter === "{" && depth++ === 0) found.push(content.slice(since, index).trim());
    if (letter === "}" && --depth === 0) since = index + 1;
  }
  return found;
}

test("the stylesheet of a page says nothing about other pages", () => {
  for (const { name, content } of SHEETS.filter((sheet) => !isCommon(sheet)))
    for (const selector of outermost(content)) assert.match(selector, /^(\.area-[a-z]+|@keyframes .*)$/, name);
});

test("no class is defined by the stylesheets of two kinds of pages", () => {
  const common = new Set(SHEETS.filter(isCommon).flatMap(({ content }) => [...classesOf(content)]));
  const owners = new Map<string, string>();
  for (const { name, content } of SHEETS.filter((sheet) => !isCommon(sheet)))
    for (const each of classesOf(content)) {
      if (common.has(each) || each.startsWith("area-")) continue;
      assert.equal(owners.get(each) ?? name, name, `.${each}`);
      owners.set(each, name);
    }
});
