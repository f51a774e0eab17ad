import type { OperationsTexts } from "../../formTexts.ts";

/** Look into files. */
export const inspect: OperationsTexts = {
  inspect_metadata: { name: "查看元数据", summary: "读取图片文件的元数据" },
  inspect_picture: { name: "图片信息", summary: "读取图片文件的格式和像素分布" },
  inspect_animation: { name: "动图信息", summary: "查看动图各帧的时间" },
  inspect_quality: { name: "画质分析", summary: "测量图片的质量" },
  inspect_palette: {
    name: "提取配色",
    summary: "找出图片的主要颜色",
    fields: { colors: ["颜色数", "最多列出多少种颜色，不超过 64。0 表示 8。"] },
  },
};
