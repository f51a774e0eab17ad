import type { FieldText, OperationsTexts } from "../../formTexts.ts";
import { POSITIONS } from "./shared.ts";

const DOCUMENT: Readonly<Record<string, FieldText>> = {
  remove_likely: ["也去除疑似水印", "同时去除可能是水印的内容。"],
  report: [
    "附带报告",
    "另附一份报告，列出找到、去除和保留的内容（`<文件名>-marks.json`：每个水印的页码、方法、文字、位置、依据和置信度），排在 PDF 之后。报告免费。",
  ],
  allow_signed: [
    "允许已签名的文件",
    "也处理带有数字签名、认证或签名使用权限的文档，否则会拒绝。它们的签名会失效，并有提示。",
  ],
  owner_password: [
    "所有者密码",
    "权限禁止修改的文档的所有者密码，没有密码会拒绝处理。结果不加密。密码随任务保存，但不显示。",
  ],
};

/** Watermarks and text. */
export const marks: OperationsTexts = {
  remove_watermark: {
    name: "移除水印",
    summary: "去除图片上的水印",
    fields: {
      boxes: ["水印位置", "水印的位置，最多五个框。留空则自动查找，只去除确定的水印。"],
      mask: [
        "同时输出蒙版",
        "任务是否在图片之后再输出改动部分的蒙版：与图片同尺寸的灰度 PNG，改动过的像素为 255，其余为 0。结果为无损格式时，蒙版之外的像素完全不变。",
      ],
    },
  },
  remove_pdf_watermark: {
    name: "移除 PDF 水印",
    summary: "去除 PDF 的水印，其余内容保持不变",
    fields: {
      ...DOCUMENT,
      dry_run: [
        "只检查",
        "不做任何修改。不交付 PDF，而是交付一份报告（`<文件名>-marks.json`），以及首个带水印页面处理前后的图片（`<文件名>-preview.png`）。之后不能再有其他操作，价格与去除相同。受保护的文档不会被拒绝，提示会说明去除时需要什么。",
      ],
    },
  },
  redraw_pdf: {
    name: "清理扫描版 PDF",
    summary: "去除 PDF 的水印，并重绘仍有水印的页面",
    fields: {
      boxes: [
        "水印位置",
        "页面图片中水印的位置，最多五个框，以显示页面的百分比表示，所有页面相同。留空则自动查找。框内没有异样的页面保持不变。",
      ],
      ...DOCUMENT,
    },
  },
  draw_text: {
    name: "添加文字",
    summary: "在图片上写文字",
    presets: {
      "watermark-text": ["文字水印", "在整张图片上重复半透明的文字"],
    },
    fields: {
      text: ["文字", "文字内容，1 到 500 个字符，保留换行。"],
      font_size: ["字号", "字体大小，1 到 1000 像素。默认 48。"],
      color: ["颜色", "文字颜色，例如 `#ffffff`。留空则为黑色。"],
      opacity: ["不透明度", "0 到 100%。默认 100。"],
      position: ["位置", "文字的位置。", POSITIONS],
      tiled: ["平铺", "在整张图片上重复文字，而不是只写一处。"],
      rotation: ["旋转", "顺时针旋转的角度，−360 到 360：文字绕其中心，平铺时为整个图案。"],
      background: ["文字底色", "文字后面底框的颜色。留空则没有底框。"],
      shadow: ["阴影", "让文字投下柔和的黑色阴影。"],
    },
  },
  read_text: {
    name: "文字识别（OCR）",
    summary: "识别图片中的文字",
    fields: {
      quality: [
        "质量",
        "花多少时间。",
        {
          TEXT_QUALITY_FAST: ["快速", "只看缩小的副本，大图中的小字会漏掉。"],
          TEXT_QUALITY_BALANCED: ["均衡", "看较大的副本，大图还会分块查看。"],
          TEXT_QUALITY_BEST: ["最佳", "同“均衡”，并放大小图。"],
        },
      ],
      language: [
        "语言",
        "文字的语言，ISO 639-1 代码，例如 `de`。留空或 `auto` 表示所有可识别的语言。网络没有其字母的语言会失败，错误会列出可用的语言。",
      ],
      enhance: ["增强对比度", "先增强淡色图片的对比度。"],
    },
  },
};
