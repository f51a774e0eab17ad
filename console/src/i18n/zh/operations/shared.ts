import type { FieldText, OptionTexts } from "../../formTexts.ts";

/** Texts that several operations share. */
export const CUTOUT_FORMAT: FieldText = [
  "格式",
  "结果的文件格式。",
  {
    CUTOUT_FORMAT_PNG: ["PNG", "PNG，每通道 8 或 16 位，与输入相同。"],
    CUTOUT_FORMAT_WEBP: ["WebP", "无损 WebP，每通道 8 位，每边最多 16,383 像素。"],
  },
];

export const SUBJECTS: OptionTexts = {
  SUBJECT_PORTRAIT: ["人像", "人物和动物。边缘不确定处会在较宽的范围内查找发丝。"],
  SUBJECT_PRODUCT: ["商品", "任意背景上的商品：只要清晰的轮廓，贴近模型的蒙版。"],
  SUBJECT_GENERAL: ["通用", "其他图片，处理方式与人像相同。"],
};

export const POSITIONS: OptionTexts = {
  POSITION_CENTER: ["居中", "正中。"],
  POSITION_SMART: [
    "智能",
    "最吸引目光的部分：清晰的边缘、饱和的颜色和肤色（libvips 的 attention 策略）。在画布上为正中。",
  ],
  POSITION_TOP: ["上", "上边缘的中间。"],
  POSITION_TOP_RIGHT: ["右上", "右上角。"],
  POSITION_RIGHT: ["右", "右边缘的中间。"],
  POSITION_BOTTOM_RIGHT: ["右下", "右下角。"],
  POSITION_BOTTOM: ["下", "下边缘的中间。"],
  POSITION_BOTTOM_LEFT: ["左下", "左下角。"],
  POSITION_LEFT: ["左", "左边缘的中间。"],
  POSITION_TOP_LEFT: ["左上", "左上角。"],
};

export const FITS: OptionTexts = {
  FIT_BOUNDS: ["完整显示", "在框内尽可能大；某一边可能比要求的短。"],
  FIT_COVER: ["覆盖", "刚好覆盖框；某一边可能比要求的长。"],
  FIT_CROP: ["填满并裁剪", "缩放到覆盖框，裁去多余部分：正好是框的尺寸。"],
  FIT_CANVAS: ["完整显示并填充", "在框内尽可能大，其余部分用背景填充：正好是框的尺寸。"],
  FIT_FILL: ["拉伸", "拉伸到正好是框的尺寸。"],
};

/** The layers of `remove_background` and `compose_cutout`. */
export const EFFECTS: Readonly<Record<string, FieldText>> = {
  effects: ["效果", "主体后方和周围的更多图层。"],
  "effects.gradient_from": [
    "渐变起始色",
    "以线性渐变为背景，按 CSS 的方式在 sRGB 中混合：起点的颜色，例如 `#ffffff`。只填结束色时为白色。",
  ],
  "effects.gradient_to": ["渐变结束色", "终点的颜色。只填起始色时为黑色。"],
  "effects.gradient_angle": ["渐变角度", "渐变的方向，−3600 到 3600 度：0 向上，90 向右，180 向下。"],
  "effects.blur": [
    "背景模糊",
    "模糊背景，0 到 100；未指定背景图片时为主体后方的原画面。100 相当于最长边 4% 的标准差。主体后方的区域由周围补全。不能与颜色或渐变同时使用。",
  ],
  "effects.shadow": ["阴影", "主体形状的柔和黑色阴影，位置略低于主体：不透明度 0 到 100%。"],
  "effects.outline_percent": ["描边宽度", "主体描边的宽度，占最长边的百分比，0 到 10。"],
  "effects.outline_color": ["描边颜色", "描边的颜色，例如 `#ffffff`。留空则为白色。"],
};

export const PICTURE_FORMATS: OptionTexts = {
  PICTURE_FORMAT_JPEG: ["JPEG", "JPEG：8 位，无透明通道，有损；每边最多 65,535 像素。"],
  PICTURE_FORMAT_PNG: ["PNG", "PNG：位数与图片相同（8 或 16 位），支持透明，无损。"],
  PICTURE_FORMAT_WEBP: ["WebP", "WebP：8 位，支持透明，有损或无损；每边最多 16,383 像素。"],
  PICTURE_FORMAT_AVIF: ["AVIF", "AVIF：8 位，支持透明，有损或无损；每边最多 16,384 像素。"],
  PICTURE_FORMAT_TIFF: [
    "TIFF",
    "TIFF：位数与图片相同，支持透明；无损（LZW），或有损（TIFF 内的 JPEG，8 位，无透明通道）。不含 Exif 数据。",
  ],
  PICTURE_FORMAT_GIF: [
    "GIF",
    "GIF：每帧最多 256 种颜色，像素要么不透明要么透明；无色彩配置文件和元数据；每边最多 65,535 像素。",
  ],
  PICTURE_FORMAT_HEIC: ["HEIC", "HEIC，即 HEIF 中的 HEVC：8 位，支持透明，有损或无损；每边最多 16,384 像素。"],
  PICTURE_FORMAT_HEIF: ["HEIF", "同上，文件名只标明容器：`.heif`。"],
  PICTURE_FORMAT_MP4: ["MP4", "MP4：H.264 视频与 AAC 声音，用于动图和视频；无透明通道，边长为偶数像素，最大 8,192。"],
  PICTURE_FORMAT_WEBM: ["WebM", "WebM：VP9 视频与 Opus 声音，用于动图和视频；支持透明；每边最大 8,192 像素。"],
  PICTURE_FORMAT_MOV: [
    "MOV",
    "MOV：用于剪辑的视频，带声音；有透明时为 ProRes 4444，否则为 H.264，用于动图和视频；每边最大 8,192 像素。",
  ],
  PICTURE_FORMAT_KEPT: ["保持原格式", "同不选，但 GIF 仍为 GIF，TIFF 无论质量如何都为无损。"],
};

/** The requirements of patterns, by the English text. */
export const MUSTS: Readonly<Record<string, string>> = {
  "be a ratio of width to height, such as 16:9": "须为宽与高的比例，例如 16:9",
  "be a date, or a date and a time, such as 2026-01-31T12:30:00": "须为日期，或日期和时间，例如 2026-01-31T12:30:00",
  "be a language code of two or three small letters, or auto": "须为两到三个小写字母的语言代码，或 auto",
  "be two letters, such as US": "须为两个字母，例如 US",
};
