import type { FormTexts, OperationsTexts } from "../../formTexts.ts";
import { background } from "./background.ts";
import { colour } from "./colour.ts";
import { combine } from "./combine.ts";
import { create } from "./create.ts";
import { documents } from "./documents.ts";
import { file } from "./file.ts";
import { inspect } from "./inspect.ts";
import { KEYWORDS } from "./keywords.ts";
import { marks } from "./marks.ts";
import { retouch } from "./retouch.ts";
import { shape } from "./shape.ts";
import { MUSTS } from "./shared.ts";

/** The console's groups of operations. */
const categoriesZh: Readonly<Record<string, string>> = {
  background: "背景与人像",
  retouch: "修复与增强",
  marks: "水印与文字",
  shape: "尺寸与形状",
  colour: "光线与色彩",
  file: "格式与文件",
  combine: "图片合成",
  documents: "文档与条码",
  inspect: "查看文件信息",
  create: "生成图片",
};

/** A test compares them with the forms. */
const operationsZh: OperationsTexts = {
  ...background,
  ...retouch,
  ...marks,
  ...shape,
  ...colour,
  ...file,
  ...combine,
  ...documents,
  ...inspect,
  ...create,
};

/** The texts of forms in Simplified Chinese. */
export const formsZh: FormTexts = {
  categories: categoriesZh,
  operations: operationsZh,
  keywords: KEYWORDS,
  musts: MUSTS,
};
