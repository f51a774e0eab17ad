import type { OperationsTexts } from "../../formTexts.ts";
import { COUNTRIES } from "./countries.ts";
import { CUTOUT_FORMAT, EFFECTS, SUBJECTS } from "./shared.ts";

/** Background and people. */
export const background: OperationsTexts = {
  remove_background: {
    name: "移除背景",
    summary: "抠出图片主体",
    presets: {
      "white-background": ["白色背景", "抠出主体并放在白色背景上"],
      "soft-shadow": ["柔和阴影", "把主体放在白色背景上，并带柔和的阴影"],
    },
    fields: {
      subject: ["主体类型", "图片的类型，决定边缘的精修方式。“快速”质量不精修边缘，此项不起作用。", SUBJECTS],
      quality: [
        "质量",
        "在边缘上花多少工夫。",
        {
          CUTOUT_QUALITY_BEST: ["最佳", "以原分辨率精修边缘，并去除边缘上的背景颜色。"],
          CUTOUT_QUALITY_FAST: ["快速", "直接放大模型的蒙版，不精修，文件压缩也较少。速度更快，边缘较软。"],
        },
      ],
      trim: ["裁去空白", "将结果裁剪到可见内容的范围。"],
      keep_shadow: ["保留阴影", "把主体的投影保留为半透明黑色。需要纯色背景；找不到阴影时会有提示。"],
      background_color: ["背景颜色", "把主体放在此颜色上，例如 `#ffffff`，结果不再透明。留空则背景透明。"],
      format: CUTOUT_FORMAT,
      background_file_id: [
        "背景图片",
        "把主体放在这张图片上，代替背景颜色。图片会缩放到覆盖输入尺寸，较长的一边均匀裁切，并转换到输入的色彩配置文件；之后才裁去空白。除此图片透明处外，结果不透明。",
      ],
      ...EFFECTS,
    },
  },
  compose_cutout: {
    name: "抠图效果",
    summary: "为抠好的主体添加背景、阴影或描边",
    fields: {
      original_file_id: ["原图", "抠出主体所用的原图，尺寸须相同；模糊原背景时需要。"],
      background_color: ["背景颜色", "把主体放在此颜色上，例如 `#ffffff`。"],
      background_file_id: ["背景图片", "把主体放在这张图片上；图片会缩放到覆盖抠图的尺寸，较长的一边均匀裁切。"],
      ...EFFECTS,
      format: CUTOUT_FORMAT,
    },
  },
  blur_background: {
    name: "虚化背景",
    summary: "模糊主体后方的画面",
    fields: {
      subject: ["主体类型", "图片的类型，与“移除背景”相同。", SUBJECTS],
      type: [
        "模糊方式",
        "模糊的样子。",
        {
          BLUR_TYPE_GAUSSIAN: ["高斯模糊", "均匀、柔和的模糊。"],
          BLUR_TYPE_LENS: ["镜头虚化", "大光圈镜头的效果：焦外的光点变成圆斑。"],
        },
      ],
      level: [
        "强度",
        "模糊的强度。",
        {
          BLUR_LEVEL_LOW: ["弱", "轻微：背景仍可辨认。"],
          BLUR_LEVEL_MEDIUM: ["中", "明显。"],
          BLUR_LEVEL_HIGH: ["强", "强烈：只剩颜色和大的形状。"],
        },
      ],
    },
  },
  blur_faces: {
    name: "人脸打码",
    summary: "模糊图片中的人脸",
    fields: {
      sensitivity: ["灵敏度", "把图像判定为人脸的难易程度，0 到 1。默认 0.5。"],
      radius: ["模糊半径", "模糊的标准差，1 到 100 像素，默认 30。每张脸至少按其宽度的 15% 模糊。"],
    },
  },
  passport_photo: {
    name: "证件照",
    summary: "用人像照片制作证件照",
    fields: {
      country_code: [
        "国家或地区",
        "国家或地区的两位字母代码，例如 `US`；`EU` 为 ICAO 推荐的 35 × 45 毫米。",
        COUNTRIES,
      ],
      document_type: ["证件类型", "证件的类型。目前只有护照。", { "": ["护照"], passport: ["护照"] }],
      width_mm: ["宽度", "以毫米为单位的宽度，最大 1,000，代替该国的规定。0 表示按规定。"],
      height_mm: ["高度", "以毫米为单位的高度，最大 1,000，代替该国的规定。0 表示按规定；没有规定时为宽度的 45/35。"],
      background_color: ["背景颜色", "头部后方的颜色，例如 `#FFFFFF`。留空则按该国规定；未选国家时为白色。"],
      dpi: ["DPI", "每英寸像素数，72 到 1,200。0 表示 300。"],
      zoom: ["缩放", "头部大小相对于规定的倍数，0.5 到 3。默认 1。"],
      adjust_x: ["水平微调", "取景框右移的距离，以照片宽度为单位，头部随之左移；-10 到 10。"],
      adjust_y: ["垂直微调", "取景框下移的距离，以照片高度为单位，头部随之上移；-10 到 10。"],
      max_bytes: ["最大字节数", "照片的最大字节数；0 表示不限。质量从 95 起每次降低 5，直到 10。"],
      print_layout: [
        "打印排版",
        "另附一张可打印的排版，上面有多张照片。",
        {
          PRINT_LAYOUT_4X6: ["4 × 6 英寸", "102 × 152 毫米，即 4 × 6 英寸。"],
          PRINT_LAYOUT_A4: ["A4", "210 × 297 毫米。"],
        },
      ],
      head: ["头部位置", "头部所在的位置。留空则自动查找。"],
      "head.crown_y": ["头顶", "头顶，即头发的最高处。"],
      "head.eyes_y": ["眼睛", "眼睛所在的水平线。"],
      "head.chin_y": ["下巴", "下巴的下边缘。"],
      "head.center_x": ["面部中线", "面部的中线。"],
      cut_out: ["已抠图", "图片已经抠好，透明通道即为背景。同时给出头部位置时，无需任何模型。"],
    },
  },
  inspect_portrait: { name: "人像分析", summary: "定位人像中的面部" },
};
