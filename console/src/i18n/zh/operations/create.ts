import type { FieldText, OperationsTexts } from "../../formTexts.ts";

const SHARED: Readonly<Record<string, FieldText>> = {
  prompt: ["提示词", "描述要生成的图片，或对参考图的修改；1 到 32,000 个字符。"],
  negative_prompt: ["反向提示词", "描述图片中不要出现的内容；最多 32,000 个字符。"],
  count: ["数量", "图片的数量，1 到 4，默认 1。模型拒绝其中几张时，其余的照常交付和收费。"],
  keep_reference_size: ["保持参考图尺寸", "以原尺寸发送参考图。默认把长边超过 2,048 像素的缩小到 2,048。"],
  archive: ["打包", "有多张图片时，最后另附一个包含所有图片的 ZIP 压缩包。压缩包免费。"],
};

/** Create pictures. */
export const create: OperationsTexts = {
  gpt_image_2: {
    name: "GPT Image 2",
    summary: "用 GPT Image 2 生成图片",
    fields: {
      ...SHARED,
      aspect_ratio: [
        "宽高比",
        "宽与高的比例。未选或“自动”时与第一张参考图相同；没有参考图时由模型选择。",
        { auto: ["自动"] },
      ],
      resolution: ["分辨率", "尺寸级别：1K 约 100 万像素，2K 约 400 万，4K 约 800 万。默认 1K。模型不支持时会有提示。"],
      quality: [
        "质量",
        "模型在细节上花多少工夫，质量越高耗时越长。默认自动。",
        { low: ["低"], medium: ["中"], high: ["高"], auto: ["自动"] },
      ],
    },
  },
  nano_banana_2: {
    name: "Nano Banana 2",
    summary: "用 Nano Banana 2 生成图片",
    fields: {
      ...SHARED,
      aspect_ratio: ["宽高比", "宽与高的比例。未选时与第一张参考图相同；没有参考图时由模型选择。"],
      resolution: [
        "分辨率",
        "尺寸级别：0.5K 约 25 万像素，1K 约 100 万，2K 约 400 万，4K 约 1600 万。默认 1K。模型不支持时会有提示。",
      ],
    },
  },
};
