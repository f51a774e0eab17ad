import type { keyboard as English } from "../en/keyboard.ts";

export const keyboard: typeof English = {
  title: "快捷键",
  search: "搜索",
  run: "运行当前处理",
  back: "关闭对话框或返回",
  move: "移动文件的顺序，或移动查看器中的图片",
  zoom: "缩放查看器：放大、缩小、适合窗口、原始大小",
  list: "显示此列表",
};
