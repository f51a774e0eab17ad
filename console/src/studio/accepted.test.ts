import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../i18n/en/index.ts";
import { formatsOf, unfitText } from "./accepted.ts";

const entry = (kinds: string[], takes?: string[]) => ({ inputs: { min: 1, max: 1, kinds }, ...(takes && { takes }) });

test("formats are named as people know them, the known ones first", () => {
  assert.equal(formatsOf(entry(["image"], ["image/x-exr", "image/png", "image/jpeg"])), "JPEG, PNG, …");
  assert.equal(formatsOf(entry(["pdf"])), "PDF");
  assert.match(formatsOf(undefined), /^JPEG, PNG, .*, PDF, …$/);
});

test("a file that an operation does not take is named, with what it takes", () => {
  const title = "Remove the background";
  assert.equal(
    unfitText(en, "scan.docx", entry(["image"], ["image/png", "image/x-exr"]), title),
    "scan.docx is not a picture. Remove the background takes PNG, …",
  );
  assert.equal(unfitText(en, "a.png", entry(["pdf"]), "Redraw"), "a.png is not a PDF. Redraw takes PDF.");
  assert.match(unfitText(en, "scan.docx"), /^scan\.docx cannot be used\. Darkroom takes JPEG, /);
});
