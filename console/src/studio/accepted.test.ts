import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../i18n/en/index.ts";
import { formatsOf, unfitText } from "./accepted.ts";

const entry = (kinds: string[], takes?: string[]) => ({ inputs: { min: 1, max: 1, kinds }, ...(takes && { takes }) });

test("formats are named as people know them, the known ones first", () => {
  assert.equal(formatsOf(entry(["image"], ["image/x-exr", "image/png", "image/jpeg"])), "JPEG, PNG, …");
  assert.equal(formatsOf(entry(["pdf"])), "PDF");
  assert.match(formatsOf(undefined), /^JPEG, PNG, .*, MP4, WebM, MOV, PDF, …$/);
});

test("a file that an operation does not take is named, with what it takes", () => {
  const title = "Remove the background";
  assert.equal(
    unfitText(en, "scan.docx", entry(["image"], ["image/png", "image/x-exr"]), title),
    "scan.docx is not a picture. Remove the background takes PNG, …",
  );
  assert.equal(unfitText(en, "a.png", entry(["pdf"]), "Redraw"), "a.png is not a PDF. Redraw takes PDF.");
  assert.equal(
    unfitText(en, "scan.docx", entry(["image", "video"], ["image/png", "video/mp4"]), "Resize"),
    "scan.docx is neither a picture nor a video. Resize takes PNG, MP4.",
  );
  assert.match(unfitText(en, "scan.docx"), /^scan\.docx cannot be used\. Darkroom takes JPEG, /);
});

test("a video is named as one, with the step that takes none", () => {
  const still = entry(["image"], ["image/png"]);
  assert.equal(unfitText(en, "clip.MOV", still, "Read text"), "clip.MOV is a video. Read text takes PNG.");
  assert.equal(
    unfitText(en, "clip.mp4", still, "Pipeline “Shop”", "Read text"),
    "clip.mp4 is a video, and “Read text” does not work on videos. Pipeline “Shop” takes PNG.",
  );
});
