import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { withoutChinese } from "../untranslated.ts";
import { errorZh } from "./errors.ts";
import { problems, problemZh } from "./problems.ts";

test("a problem without a rule has its numbers in Chinese", () => {
  const failed = { reason: "media_limit_exceeded", message: "a.png: The document has 900 pages; 500 are allowed." };
  assert.equal(errorZh(failed, undefined), "文档有 900 页，上限为 500 页。");
  const large = {
    ...failed,
    message: "file_ids[0]: 12000 × 10000 pixels: it has 120.0 megapixels, at most 100 are allowed.",
  };
  assert.equal(errorZh(large, undefined), "图片为 12000 × 10000 像素（120.0 百万像素），上限为 100 百万像素。");
  const frame = { reason: "field_invalid", message: "a.png: frame: The file has 1 frames or pages, numbered from 0." };
  assert.equal(errorZh(frame, undefined), "文件共 1 帧或页，编号从 0 开始。");
  const short = { reason: "field_invalid", message: "Username must be 3 to 50 characters", field: "username" };
  assert.equal(errorZh(short, undefined), "“用户名”：需要 3 到 50 个字符。");
  assert.equal(errorZh({ ...short, message: "Something new" }, undefined), "“用户名”的值无效。");
});

test("every problem is matched, and is in Chinese", () => {
  const said = Object.keys(problems).map((template) => problemZh(`file.png: ${template.replaceAll("{}", "7")}`));
  assert.deepEqual(withoutChinese(said), []);
});

test("the server says every problem that has a text", () => {
  const sources = globSync("../services/**/*.py").map((path) => readFileSync(path, "utf8"));
  const isSaid = (piece: string) => sources.some((source) => source.includes(piece));
  // Long texts are broken in the source, and some end with what their caller adds.
  const gone = Object.keys(problems).filter(
    (template) =>
      !template
        .split("{}")
        .flatMap((piece) => [piece, piece.slice(0, 40), piece.replace(/\.$/, "")])
        .some((piece) => piece.trim().length > 8 && isSaid(piece)),
  );
  assert.deepEqual(gone, []);
});
