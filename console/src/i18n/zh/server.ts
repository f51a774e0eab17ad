import type { ServerTexts } from "../server.ts";
import { errorZh } from "./errors.ts";
import { noticeZh } from "./notices.ts";
import { progressZh } from "./progress.ts";

/** Simplified Chinese for what the server says in English. */
export const serverZh: ServerTexts = {
  error: errorZh,
  notice: noticeZh,
  progress: progressZh,
  delivery: deliveryZh,
  detail: (name) => DETAILS[name],
};

function deliveryZh(error: string): string {
  if (error.endsWith("could not be reached in time.")) return "未能及时连接到接收端。";
  if (error.endsWith("did not answer in time.")) return "接收端没有及时响应。";
  const failed = /^The connection failed: (.*)$/s.exec(error);
  return failed ? `连接失败：${failed[1]}` : "发送失败。";
}

/** Members of the details of notices, and their values that are words. */
const DETAILS: Readonly<Record<string, string>> = {
  model: "模型",
  wanted: "所选模型",
  device: "设备",
  processor: "处理器",
  factor: "倍数",
  level: "噪点水平",
  method: "方法",
  methods: "方法",
  tier: "档位",
  kind: "类型",
  box: "位置",
  left: "左",
  top: "上",
  right: "右",
  bottom: "下",
  confidence: "置信度",
  removed: "已去除",
  opacity: "不透明度",
  whole_box: "填充整个框",
  in_part: "只去除了一部分",
  page: "页",
  pages: "页",
  page_count: "总页数",
  detail: "内容",
  faces: "人脸",
  found: "找到的数量",
  characters: "字符",
  quality: "质量",
  target_bytes: "目标字节数",
  met: "达到目标",
  allowed: "允许的值",
  asked: "所选的值",
  above_mm: "上方超出（毫米）",
  below_mm: "下方超出（毫米）",
  way: "方式",
  colors: "颜色",
  color: "颜色",
  square: "方格大小",
  scale: "比例",
  subjects: "主体",
  unsure_parts: "不确定的部分",
  area: "面积",
  area_percent: "面积占比",
  coverage: "占比",
  made: "结果",
  had: "原来",
  of: "总数",
  name: "名称",
  most: "最多",
  max_bytes: "最大字节数",
  profile: "色彩配置文件",
  largest: "最大",
  size: "尺寸",
  frames: "帧数",
  space: "色彩空间",
  width: "宽",
  height: "高",
  x: "横坐标",
  y: "纵坐标",
};
