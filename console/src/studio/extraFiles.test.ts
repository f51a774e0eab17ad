import assert from "node:assert/strict";
import { test } from "node:test";
import type { FormEntry, FormField } from "../forms/entries.ts";
import { sendable } from "./extraFiles.ts";

function entry(...fields: FormField[]): FormEntry {
  return { id: "x", name: "X", summary: "", category: "shape", inputs: { min: 1, max: 1, kinds: ["image"] }, fields };
}

const FILE = { fileId: "12", name: "beach.jpg" };

test("an operation takes the ids of its files among its settings", () => {
  const form = entry(
    { name: "background_file_id", label: "Background", type: "file" },
    { name: "trim", label: "Trim", type: "boolean" },
  );
  const choice = {
    id: "remove_background",
    settings: { background_file_id: FILE, trim: true },
  };
  assert.deepEqual(sendable(choice, form), { ...choice, settings: { background_file_id: "12", trim: true } });
});

test("without files there is nothing but the settings", () => {
  const choice = { id: "rotate", settings: {} };
  assert.deepEqual(sendable(choice, entry()), choice);
});
