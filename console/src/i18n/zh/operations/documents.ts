import type { OperationsTexts } from "../../formTexts.ts";
import { PICTURE_FORMATS } from "./shared.ts";

/** Documents and codes. */
export const documents: OperationsTexts = {
  make_pdf: {
    name: "图片转 PDF",
    summary: "把图片做成 PDF，每页一张",
    fields: {
      paper_size: [
        "纸张大小",
        "所有页面的大小。",
        {
          PAPER_SIZE_A4: ["A4", "595.28 × 841.89 点。"],
          PAPER_SIZE_LETTER: ["Letter", "612 × 792 点。"],
          PAPER_SIZE_A3: ["A3", "841.89 × 1190.55 点。"],
          PAPER_SIZE_A5: ["A5", "419.53 × 595.28 点。"],
        },
      ],
      orientation: [
        "方向",
        "所有页面的方向。",
        { PAPER_ORIENTATION_PORTRAIT: ["纵向", "竖放。"], PAPER_ORIENTATION_LANDSCAPE: ["横向", "横放。"] },
      ],
      margin: ["页边距", "每边的页边距，0 到 500 点。默认 20。"],
      max_bytes: ["最大字节数", "文档的最大字节数，至少 51,200。0 表示不限。"],
      first_page_only: ["只取第一页", "TIFF 只取第一页。"],
    },
  },
  pdf_pages: {
    name: "PDF 转图片",
    summary: "把 PDF 页面转成图片",
    fields: {
      format: ["格式", "图片的格式。未选或“保持原格式”时为 PNG；PNG、TIFF 和 GIF 为无损压缩。", PICTURE_FORMATS],
      dpi: ["DPI", "每英寸 36 到 2,400 像素。0 表示 150。页面的像素数上限与其他图片相同。"],
      quality: ["质量", "其他格式的质量，1 到 100。0 表示 85。"],
      color: [
        "颜色",
        "图片的颜色。",
        {
          PAGE_COLOR_COLOR: ["彩色", "所有颜色。"],
          PAGE_COLOR_GRAY: ["灰度", "灰度，按 ITU-R BT.601 加权。"],
          PAGE_COLOR_BLACK_WHITE: ["黑白", "黑色，以及灰度 128 以上的白色。"],
        },
      ],
      pages: ["页码", "要转换的页，例如 `1,3-5`。留空或 `all` 表示全部。"],
      separate: ["单独交付", "在压缩包之后，另外交付前 499 页的图片。"],
    },
  },
  inspect_pdf: {
    name: "PDF 预览",
    summary: "查看 PDF 的页数和预览",
    fields: {
      thumbnails: ["缩略图", "从第一页起显示各页的样子，缩略图合计不超过 48 MiB。"],
      max_thumbnails: ["最多缩略图数", "最多显示多少张。0 表示不限。"],
    },
  },
  qr_code: {
    name: "生成二维码",
    summary: "把文字做成二维码",
    fields: {
      text: ["文字", "文字内容，1 到 7,089 个字符；能容纳多少取决于字符和纠错级别：L 级最多 2,953 字节（UTF-8）。"],
      size: ["尺寸", "宽和高，最大 10,000 像素。0 表示 400。"],
      error_correction: [
        "纠错级别",
        "纠错的级别。带徽标时最好用 H。",
        {
          QR_ERROR_CORRECTION_L: ["L", "可恢复 7%。"],
          QR_ERROR_CORRECTION_M: ["M", "可恢复 15%。"],
          QR_ERROR_CORRECTION_Q: ["Q", "可恢复 25%。"],
          QR_ERROR_CORRECTION_H: ["H", "可恢复 30%。"],
        },
      ],
      foreground: ["前景颜色", "深色模块的颜色，例如 `#000000`。留空则为黑色。"],
      background: ["背景颜色", "浅色模块和留白的颜色，或 `transparent`（透明）。留空则为白色。"],
      quiet_zone: ["四周留白", "留白的宽度，以模块为单位，最大 16。默认 4，即标准的要求。"],
      style: [
        "样式",
        "模块的形状。",
        {
          QR_STYLE_SQUARES: ["方块", "方块，所有扫描器都能识别。"],
          QR_STYLE_DOTS: ["圆点", "圆点。"],
          QR_STYLE_ROUNDED: ["圆角", "相连的方块，末端为圆角。"],
        },
      ],
      logo_file_id: ["徽标", "放在二维码中间的图片。"],
      logo_percent: ["徽标大小", "徽标较长一边占二维码（不含留白）的百分比，最大 30。0 表示 20。"],
    },
  },
  read_barcodes: {
    name: "识别条码",
    summary: "识别图片中的条码",
    fields: {
      quick: [
        "快速",
        "少花时间：只按图片原样查找，正放或旋转 90° 的倍数，浅底深色。否则还会查找其他角度、深底浅色，以及小图和模糊图中的条码。",
      ],
    },
  },
};
