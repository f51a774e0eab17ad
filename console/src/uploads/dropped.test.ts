import assert from "node:assert/strict";
import test from "node:test";
import { chosen, type Entry, filesOf, meant } from "./dropped.ts";

function leaf(name: string, fails = false): Entry {
  return {
    isFile: true,
    isDirectory: false,
    name,
    file: (found, failed) => (fails ? failed(new Error("gone")) : found(new File(["x"], name))),
  };
}

function folder(name: string, ...inside: Entry[]): Entry {
  // Handed out one at a time, as browsers do a hundred at a time.
  const createReader = () => {
    const left = [...inside];
    return { readEntries: (found: (entries: Entry[]) => void) => found(left.splice(0, 1)) };
  };
  return { isFile: false, isDirectory: true, name, createReader };
}

test("folders are walked to their ends, in the order of names", async () => {
  const root = folder("shop", leaf("10.jpg"), leaf("9.jpg"), folder("more", leaf("a.png"), leaf(".hidden")));
  assert.deepEqual(
    (await filesOf(root)).map(({ path }) => path),
    ["shop/9.jpg", "shop/10.jpg", "shop/more/a.png"],
  );
});

test("what cannot be read is left out, and the rest is there", async () => {
  const found = await filesOf(folder("f", leaf("a.png", true), leaf("b.png")));
  assert.deepEqual(
    found.map(({ path }) => path),
    ["f/b.png"],
  );
});

test("what systems leave in folders is not meant", () => {
  assert.ok(meant("a/b.png"));
  for (const path of [".DS_Store", "a/Thumbs.db", "a/.git/config", "__MACOSX/a.png", "desktop.ini"])
    assert.ok(!meant(path), path);
});

test("files of an input keep their folder", () => {
  const file = Object.assign(new File(["x"], "a.png"), { webkitRelativePath: "shop/a.png" });
  const list = [file, new File(["x"], ".DS_Store")] as unknown as FileList;
  assert.deepEqual(
    chosen(list).map(({ path }) => path),
    ["shop/a.png"],
  );
});
