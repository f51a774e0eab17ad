import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withoutChinese } from "./untranslated.ts";
import { errorTexts, errorZh } from "./zh/errors.ts";
import { noticeTexts, noticeZh } from "./zh/notices.ts";
import { progressZh } from "./zh/progress.ts";

test("every error of the server has a text in Chinese", () => {
  const protos = readFileSync(new URL("../../../protos/darkroom/common/v1/errors.proto", import.meta.url), "utf8");
  const reasons = [...protos.matchAll(/^ {2}ERROR_REASON_(\w+) = (\d+)/gm)].filter(([, , number]) => number !== "0");
  assert.deepEqual(Object.keys(errorTexts).sort(), reasons.map(([, name = ""]) => name.toLowerCase()).sort());
  assert.deepEqual(
    withoutChinese(Object.keys(errorTexts).map((reason) => errorZh({ reason, message: "x" }, "宽度"))),
    [],
  );
});

test("an invalid field is named with its limits", () => {
  const error = { reason: "field_invalid", message: "width: must be from 1 to 9", field: "operations[0].resize.width" };
  assert.equal(errorZh({ ...error, rule: "range", least: 1, most: 9 }, "宽度"), "“宽度”必须在 1 到 9 之间。");
  assert.equal(
    errorZh({ ...error, rule: "choice", allowed: ["a", "b"] }, "宽度"),
    "“宽度”不在可选范围内。可用：a、b。",
  );
  assert.equal(errorZh({ ...error, field: "files[1].name", rule: "required" }, undefined), "“名称”必填。");
});

test("notices are in Chinese, also those that are not known", () => {
  const details = { model: "m", device: "gpu", page: 2, pages: [1, 2], made: 1, of: 2, reason: "content_refused" };
  const notices = Object.keys(noticeTexts).map((key) => {
    const [code = "", why] = key.split(".");
    return noticeZh({ code, message: "English", details: { ...details, why } }, undefined);
  });
  assert.deepEqual(withoutChinese(notices), []);
  assert.equal(noticeZh({ code: "new_code", message: "English" }, undefined), "请检查结果。");
  const notApplied = { code: "not_applied", subject: "trim", message: "English", details: { why: "not_cut_out" } };
  assert.equal(noticeZh(notApplied, "裁边"), "“裁边”未生效：图片没有被抠出。");
  const ofSome = { ...notApplied, details: { ...notApplied.details, frames: 3, of_frames: 12 } };
  assert.equal(noticeZh(ofSome, "裁边"), "“裁边”未生效：图片没有被抠出。（12 帧中的 3 帧）");
});

test("what a worker does is in Chinese", () => {
  assert.equal(progressZh("Upscaling tile 3 of 25, about 40 s left"), "正在放大 3/25，剩余约 40 秒");
  assert.equal(progressZh("File 2 of 3: Reading the file"), "第 2/3 个文件：正在读取文件");
  assert.equal(progressZh("Something new"), "处理中");
});
