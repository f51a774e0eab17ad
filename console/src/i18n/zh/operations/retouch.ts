import type { OperationsTexts } from "../../formTexts.ts";
import { CUTOUT_FORMAT } from "./shared.ts";

/** Repair and enhance. */
export const retouch: OperationsTexts = {
  upscale: {
    name: "放大",
    summary: "放大图片，可增强人脸、画质和文字",
    fields: {
      factor: [
        "放大倍数",
        "宽和高的放大倍数：2、3、4 或 8；未指定像素尺寸时默认为 2。结果最多 4 亿像素。",
        { 2: ["2 倍"], 3: ["3 倍"], 4: ["4 倍"], 8: ["8 倍"] },
      ],
      enhancements: [
        "增强",
        "要做的增强，每种最多一次。系统不支持或没有对象可处理的会跳过，并在提示中说明。",
        {
          ENHANCEMENT_FACE: ["人脸", "用两个网络共同放大检测到的人脸，提示中会列出。"],
          ENHANCEMENT_QUALITY: ["画质", "去除所有噪点和压缩痕迹，再锐化细节。"],
          ENHANCEMENT_TEXT: ["文字", "锐化检测到的文字。"],
        },
      ],
      width: [
        "宽度",
        "结果的宽度，单位像素，最多为原图的八倍。未填高度时按比例计算；高度与比例相差超过 1% 会被拒绝。比原图小的尺寸会直接缩小图片，不使用网络。",
      ],
      height: ["高度", "结果的高度，单位像素；规则与宽度相同。"],
      longest_side: ["最长边", "结果较长一边的像素数；规则与宽度相同。"],
    },
  },
  enhance_picture: {
    name: "照片增强",
    summary: "按需修正图片的不足",
    fields: {
      mode: [
        "照片类型",
        "图片的类型。",
        {
          ENHANCE_MODE_AUTO: ["自动", "任何图片。"],
          ENHANCE_MODE_PORTRAIT: ["人像", "人物：对比度、饱和度和锐度较低。"],
          ENHANCE_MODE_LANDSCAPE: ["风景", "风景：对比度和饱和度较高。"],
          ENHANCE_MODE_LOW_LIGHT: ["弱光", "昏暗的场景：提亮，并去除更多噪点。"],
          ENHANCE_MODE_FOOD: ["美食", "美食：饱和度较高，保留暖光。"],
          ENHANCE_MODE_DOCUMENT: ["文档", "文档页面：对比度和锐度较高，不增加饱和度。"],
        },
      ],
      intensity: ["强度", "所需修正执行多少，0（不做）到 100（全部）。默认 50。"],
      without: [
        "跳过的修正",
        "不做的修正。",
        {
          CORRECTION_EXPOSURE: ["曝光", "用曲线修正过暗或过亮的图片。"],
          CORRECTION_CONTRAST: ["对比度", "修正只用到部分色调范围的图片。"],
          CORRECTION_WHITE_BALANCE: ["白平衡", "修正偏色，依据三种一致的光源估计：灰度世界、灰度阴影和灰度边缘。"],
          CORRECTION_SATURATION: ["饱和度", "修正暗淡的颜色。"],
          CORRECTION_SHARPNESS: ["锐度", "用 USM 锐化修正较弱的边缘。"],
          CORRECTION_NOISE: ["噪点", "用强度与噪点相当的双边滤波去除噪点。"],
        },
      ],
    },
  },
  enhance_faces: {
    name: "人脸增强",
    summary: "让图片中的人脸更清晰",
    fields: {
      strength: ["强度", "混入多少增强后的人脸，0 到 1。默认 0.8。"],
      only_center_face: ["只处理中间的人脸", "只增强最靠近图片中心的人脸。"],
      sensitivity: ["灵敏度", "把图像判定为人脸的难易程度，0 到 1。默认 0.5。"],
      model: [
        "模型",
        "用哪个网络修复人脸。",
        {
          FACE_MODEL_AUTO: ["自动", "使用已安装的；没有时使用放大图片的网络。"],
          FACE_MODEL_GFPGAN: ["GFPGAN", "运维人员以 `gfpgan` 安装的网络。没有时同“自动”，并有提示。"],
          FACE_MODEL_CODEFORMER: ["CodeFormer", "运维人员以 `codeformer` 安装的网络。没有时同“自动”，并有提示。"],
        },
      ],
      fidelity: ["保真度", "支持此设置的网络（CodeFormer）保留多少原来的面貌，0 到 1。默认 0.5。"],
    },
  },
  restore_photo: {
    name: "老照片修复",
    summary: "修复扫描的老照片",
    fields: {
      mode: [
        "模式",
        "把图像判定为破损的难易程度。",
        {
          RESTORE_MODE_AUTO: ["自动", "只处理确定的破损。"],
          RESTORE_MODE_LIGHT: ["轻度", "只处理明显的破损，快速降噪。"],
          RESTORE_MODE_HEAVY: ["重度", "也处理较弱的痕迹，它们可能是照片的内容；降噪更仔细。"],
        },
      ],
      scratch_removal: ["去除划痕", "修补划痕、折痕和斑点。默认开启。"],
      face_enhancement: ["人脸增强", "让人脸更清晰，与“人脸增强”相同，需要相应的网络。默认开启。"],
      fidelity: ["保真度", "人脸保留多少照片原貌，0 到 1：至少保留它的一半。默认 0.7。"],
      denoise: ["降噪", "去除噪点。默认开启。"],
      denoise_strength: ["降噪强度", "0（不降噪）到 100（全部去除）。默认 40，即测得的噪点。"],
      colorize: ["上色", "用相应的模型为黑白照片上色。"],
    },
  },
  colorize: {
    name: "黑白照片上色",
    summary: "为黑白图片添加颜色",
    fields: { intensity: ["强度", "颜色的强度，0（灰色）到 1（模型给出的颜色）。默认 1。"] },
  },
  remove_noise: {
    name: "降噪",
    summary: "去除图片的噪点",
    fields: {
      tier: [
        "档位",
        "花多少工夫。",
        {
          NOISE_TIER_QUICK: ["快速", "在 8 × 8 像素的块中略去不高于噪点的频率，块取 4 个位置。"],
          NOISE_TIER_BALANCED: ["均衡", "方法相同，块取 16 个位置，再以其结果做维纳滤波。"],
          NOISE_TIER_QUALITY: [
            "高质量",
            "再把相似的块一起滤波。安装了相应的网络时由它完成其余部分：噪点越强，结果越多来自网络。网络用于噪点超过 5 级的 8 位彩色图片。",
          ],
          NOISE_TIER_MAXIMUM: ["最高", "处理更多的块，并对图片的四个方向各处理一次：效果最好，耗时是“均衡”的很多倍。"],
        },
      ],
      strength: ["强度", "0（不做）到 100（按两倍噪点处理）。默认 50，即测得的噪点。"],
      detail: ["细节", "0（平滑）到 100（保留细节，也留下一些噪点）。默认 50。"],
      color_noise: ["彩色噪点", "去除多少彩色噪点，0（不去除）到 100（按两倍噪点处理）。默认 30，即测得的噪点。"],
    },
  },
  polish: { name: "画质优化", summary: "减少噪点，增强局部对比度和细节" },
  decompress: {
    name: "去除 JPEG 压缩痕迹",
    summary: "消除图片中的 JPEG 压缩痕迹",
    fields: {
      strength: [
        "强度",
        "处理的力度。",
        {
          DECOMPRESS_STRENGTH_AUTO: ["自动", "按测得的方块痕迹处理。没有痕迹的图片保持不变，并有提示。"],
          DECOMPRESS_STRENGTH_MODERATE: ["中等", "用于中等质量的图片。"],
          DECOMPRESS_STRENGTH_STRONG: ["强", "用于压缩严重的图片，细腻的纹理可能受损。"],
        },
      ],
    },
  },
  sharpen: {
    name: "锐化",
    summary: "锐化图片",
    fields: {
      method: [
        "方法",
        "锐化的方法。",
        {
          SHARPEN_METHOD_ADAPTIVE: ["自适应", "平坦区域与边缘分别处理，参数与 libvips 的 `sharpen` 相同。"],
          SHARPEN_METHOD_UNSHARP_MASK: ["USM 锐化", "依据与模糊副本的差异。"],
          SHARPEN_METHOD_HIGH_PASS: ["高反差", "依据与周围平均值的差异。"],
        },
      ],
      denoise: [
        "降噪",
        "锐化前去除多少噪点。",
        {
          SHARPEN_DENOISE_LIGHT: ["轻度", "3 × 3 像素的中值。"],
          SHARPEN_DENOISE_MEDIUM: ["中等", "5 × 5 像素的中值。"],
          SHARPEN_DENOISE_STRONG: ["强", "7 × 7 像素的中值。"],
        },
      ],
      sigma: ["模糊半径", "自适应：模糊的标准差，0.5 到 10 像素。默认 1。"],
      m1: ["平坦区域系数", "自适应：不超过边缘起点的差异所乘的系数，0 到 10。默认 1。"],
      m2: ["边缘系数", "自适应：超出部分，即边缘所乘的系数，0 到 20。默认 3。"],
      x1: ["边缘起点", "自适应：边缘从何处算起，以亮度范围的百分之一为单位，0 到 10。默认 2。"],
      y2: ["最大变亮", "自适应：最多变亮多少，单位同上，0 到 50。默认 12。"],
      y3: ["最大变暗", "自适应：最多变暗多少，单位同上，0 到 50。默认 20。"],
      amount: ["数量", "USM 锐化：加上多少差异，0 到 1000%。默认 100。"],
      radius: ["半径", "USM 锐化：模糊的标准差，0.1 到 5 像素。默认 1。"],
      threshold: ["阈值", "USM 锐化：小于此级数（8 位）的差异不处理，0 到 255。默认 0。"],
      strength: ["强度", "高反差：0 到 100；100 时加上两倍的差异。默认 50。"],
      kernel_size: ["范围", "高反差：周围区域的边长，3 或 5 像素。0 表示 3。", { 3: ["3"], 5: ["5"] }],
    },
  },
  fix_red_eyes: {
    name: "去除红眼",
    summary: "把闪光灯造成的红色瞳孔变暗",
    fields: {
      sensitivity: ["灵敏度", "多少红色算作红眼，0 到 100。默认 50。"],
      strength: ["强度", "去除多少红色，0 到 100：50 去除四分之三，70 去除十分之九，100 全部去除。默认 70。"],
    },
  },
  fix_transparency: {
    name: "修复透明背景",
    summary: "恢复图片失去的透明区域",
    fields: {
      defringe: [
        "去除彩边",
        "把主体边缘上旧背景的颜色清除到多深，0（不清除）到 100（最长边每 1,000 像素清除 6 像素，至少 6 像素）。默认 30。",
      ],
      format: CUTOUT_FORMAT,
    },
  },
  erase: {
    name: "擦除物体",
    summary: "擦除涂抹的内容并补全画面",
    fields: {
      mask_file_id: [
        "涂抹区域",
        "要擦除处为亮色（至少半亮）、其余为暗色或透明的图片，会拉伸到图片的尺寸。必填；不能覆盖整张图片。",
      ],
    },
  },
};
