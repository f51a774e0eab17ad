import type { OperationsTexts } from "../../formTexts.ts";
import { PICTURE_FORMATS } from "./shared.ts";

const KEPT = "最多 10,000 个字符";

/** Format and file. */
export const file: OperationsTexts = {
  convert: {
    name: "格式转换",
    summary: "选择结果的格式、质量、色彩空间、分辨率和元数据",
    presets: {
      compress: ["压缩", "保持格式不变，减小文件体积"],
      "optimize-for-web": ["网页优化", "生成不含元数据的小体积 WebP"],
      "strip-metadata": ["移除元数据", "移除 Exif、XMP 和 IPTC 数据"],
      "to-jpeg": ["转为 JPEG", "把图片写成 JPEG"],
      "to-png": ["转为 PNG", "把图片写成 PNG"],
    },
    fields: {
      format: [
        "格式",
        "文件格式；MP4、WebM 和 MOV 仅用于动图和视频。这些格式以及 WebP、AVIF 和 GIF 保留动图和视频的每一帧，PNG（APNG）保留动图的每一帧，其他格式只有第一帧。",
        PICTURE_FORMATS,
      ],
      quality: [
        "质量",
        "有损文件的质量，1 到 100。0：JPEG 为 85，WebP 为 75，AVIF 和 HEIC 为 50，有损 TIFF 为 75。为 TIFF 填写质量即为有损，“保持原格式”除外。",
      ],
      lossless: [
        "无损",
        "文件是否精确保留每个像素：WebP、AVIF、HEIC 和 TIFF。不选时 TIFF 为无损，其他为有损。AVIF 和 HEIC 精确到 8 位。",
      ],
      compression: [
        "压缩",
        "PNG 压缩到多小。",
        {
          PNG_COMPRESSION_FAST: ["快速", "压缩少：文件最大，速度快数倍。"],
          PNG_COMPRESSION_OPTIMAL: ["均衡", "大小与速度兼顾。"],
          PNG_COMPRESSION_BEST: ["最佳", "尽可能小。"],
        },
      ],
      progressive: ["渐进式", "文件尚未全部到达时，能否先显示粗略的图片。不选时 JPEG 为是，PNG 为否。"],
      dpi: ["DPI", "写入文件的分辨率，每英寸像素数，最大 65,535。像素不变。0 表示与输入相同。"],
      color_space: [
        "色彩空间",
        "结果的色彩空间。",
        {
          COLOR_SPACE_RGB: ["RGB", "sRGB；其他色彩配置文件的图片会转换。"],
          COLOR_SPACE_CMYK: [
            "CMYK",
            "CMYK，用于印刷：只支持 JPEG 和 TIFF。透明处以背景填充。文件为 8 位，包含色彩配置文件。",
          ],
        },
      ],
      cmyk_profile: [
        "CMYK 配置文件",
        "CMYK 色彩配置文件。系统没有时使用通用的，并有提示。",
        {
          CMYK_PROFILE_ISO_COATED: ["ISO Coated", "铜版纸（ISO）。"],
          CMYK_PROFILE_ISO_UNCOATED: ["ISO Uncoated", "胶版纸（ISO）。"],
          CMYK_PROFILE_US_WEB_COATED: ["US Web Coated", "轮转铜版纸（SWOP）。"],
          CMYK_PROFILE_US_WEB_UNCOATED: ["US Web Uncoated", "轮转胶版纸。"],
        },
      ],
      background: ["背景", "格式不支持透明时，透明处的颜色，例如 `#ffffff`。留空则为白色。"],
      strip_metadata: [
        "移除元数据",
        "移除 Exif、XMP 和 IPTC 数据，其中可能有拍摄地点和作者。保留色彩配置文件和分辨率。",
      ],
      keep_alpha: ["保留透明", "带透明通道的图片写成 PNG 而不是 JPEG，写成无损 TIFF 而不是有损 TIFF。"],
      max_bytes: [
        "最大字节数",
        "文件的最大字节数；0 表示不限。质量（或 PNG、GIF 的颜色数）取不超过此大小的最高值，或达到此大小 95% 的值；最低值仍超出时取最低值。",
      ],
      compact: ["精简 PNG", "颜色少的 PNG 改用调色板，或在代价不高时用最大压缩。像素不变。"],
      max_colors: [
        "最多颜色数",
        "PNG 或 GIF 的最多颜色数，2 到 256：文件使用调色板，多出的颜色以抖动表现。0 表示按格式允许的数量；“保持原格式”且未限制字节数时，与前一次转换为同一格式的选择相同。",
      ],
      quick: ["快速压缩", "少花时间压缩：JPEG、WebP 和 AVIF。文件会大百分之几。"],
      frame: [
        "帧或页",
        "只用动图或视频的这一帧，或 TIFF 的这一页生成图片，从 1 开始计数。对整个任务有效，与它在哪一步无关。0：操作和格式支持时使用全部，否则使用第一帧。",
      ],
      strip_exif: ["移除 Exif", "移除 Exif 数据。"],
      strip_location: ["移除位置信息", "从 Exif 和 XMP 数据中移除拍摄地点。"],
      strip_profile: ["移除色彩配置文件", "移除色彩配置文件，图片转换为 sRGB。"],
      strip_xmp: ["移除 XMP", "移除 XMP 数据。"],
      content_credentials: [
        "签署内容凭证",
        "以本系统的名义用内容凭证（C2PA）签署文件：记录任务中每个操作做了什么、哪些由 AI 完成，以及输入文件及其已有的内容凭证。需要管理员配置证书。",
      ],
      webp_quality: ["WebP 质量", "文件为 WebP 时的质量。0 表示与“质量”相同。"],
      avif_quality: ["AVIF 质量", "文件为 AVIF 时的质量。0 表示与“质量”相同。"],
      svg_dpi: [
        "SVG 分辨率",
        "把矢量图（SVG）转成像素的分辨率，每英寸 36 到 2,400 像素，一英寸为 72 个单位。0 表示 72。无论在任务的哪一步都起作用。",
      ],
    },
  },
  edit_metadata: {
    name: "编辑元数据",
    summary: "只修改图片文件的元数据",
    fields: {
      title: ["标题", `XMP 标题；未填说明时也作为 Exif 说明；${KEPT}。`],
      artist: ["作者", `Exif 作者；${KEPT}。`],
      copyright: ["版权", `Exif 版权；${KEPT}。`],
      description: ["说明", `Exif 说明；${KEPT}。`],
      software: ["软件", `Exif 软件；${KEPT}。`],
      modified_at: [
        "修改时间",
        "文件的修改时间：`2026-01-31T12:30:00`，日期中也可用 `:` 或 `/`，时间前可用空格；时区会略去。",
      ],
      taken_at: ["拍摄时间", "照片的拍摄时间，写法相同。"],
      all_dates: ["所有日期", "以上两项（未填写时）以及数字化时间，写法相同。"],
      shift_dates_minutes: ["日期偏移", "为文件已有且未另行设置的三个日期加上的分钟数，-6,039 到 6,039。"],
      latitude: ["纬度", "拍摄地点的纬度，-90 到 90 度，南纬为负。须同时填写经度。"],
      longitude: ["经度", "拍摄地点的经度，-180 到 180 度，西经为负。须同时填写纬度。"],
      altitude: ["海拔", "海拔高度，-4,000,000,000 到 4,000,000,000 米，低于海平面为负。须同时填写经纬度。"],
      remove_location: ["移除位置信息", "移除 Exif 和 XMP 中的拍摄地点，无论上面填了什么。"],
      object_name: ["对象名称", `IPTC 对象名称；${KEPT}，IPTC 保留 64 字节。`],
      headline: ["标题（IPTC）", `IPTC 标题；${KEPT}，IPTC 保留 256 字节。`],
      city: ["城市", `IPTC 城市；${KEPT}，IPTC 保留 32 字节。`],
      state: ["省或州", `IPTC 省或州；${KEPT}，IPTC 保留 32 字节。`],
      country: ["国家", `IPTC 国家名称；${KEPT}，IPTC 保留 64 字节。`],
      keywords: [
        "关键词",
        "添加到 IPTC 关键词（每个保留 64 字节）和 XMP 主题的关键词，不重复；最多 1,000 个，每个最多 10,000 个字符。",
      ],
      replace_keywords: ["替换关键词", "用这些关键词代替已有的。"],
      remove_tags: [
        "移除标签",
        "要移除的标签，用 ExifTool 的名称，不分大小写：`Artist`、`MakerNotes`、`ThumbnailImage`，带组名如 `IPTC:City`、`XMP-dc:Subject`，以及 `EXIF:All`、`IPTC:All`、`XMP:All`、`GPS:All` 或 `All`。文件没有的会忽略，TIFF 图片必需的也不移除。最多 1,000 个，每个最多 100 个字母、数字、`:`、`_` 和 `-`。先移除，再写入。",
      ],
    },
  },
  edit_animation: {
    name: "编辑动图",
    summary: "改变动图的尺寸、方向、速度和颜色",
    fields: {
      width: ["宽度", "各帧按比例缩放到此宽度以内，单位像素；0 表示不限。"],
      height: ["高度", "各帧按比例缩放到此高度以内，单位像素；0 表示不限。"],
      percent: ["百分比", "相对于原尺寸的百分比，最大 500；0 表示原尺寸，除非填了宽度或高度。"],
      flip_horizontal: ["水平翻转", "左右互换。"],
      flip_vertical: ["垂直翻转", "上下互换。"],
      angle: [
        "角度",
        "翻转之后顺时针旋转的角度：0、90、180 或 270。",
        { 0: ["不旋转"], 90: ["90°"], 180: ["180°"], 270: ["270°"] },
      ],
      speed: ["速度", "播放加快的倍数，0.1 到 10；0 表示不变。加速后每帧至少显示 20 毫秒。"],
      reverse: ["倒放", "从最后一帧开始播放。"],
      loop: ["循环次数", "播放的次数，最多 65,535；0 表示无限循环。默认不变。"],
      max_colors: ["最多颜色数", "调色板的最多颜色数，2 到 256，其中一种表示透明：取不大于它的 2 的幂。0 表示 256。"],
      dither: ["抖动", "调色板没有的颜色抖动多少，0 到 1。越少，文件越小。"],
      effort: ["计算量", "花多少时间选择颜色，1 到 10。0 表示 7。"],
      optimize: ["重新选色", "即使没有其他改动，也重新选择颜色。"],
    },
  },
  extract_frame: {
    name: "提取单帧",
    summary: "从动图中提取一帧",
    fields: { frame: ["帧", "帧的编号，从 0 开始。超过最后一帧会失败。"] },
  },
  extract_frames: {
    name: "提取多帧",
    summary: "从动图中提取多帧，或从 TIFF 中提取多页",
    fields: {
      first: ["第一帧", "第一帧的编号，从 0 开始。超过最后一帧会失败。"],
      last: ["最后一帧", "最后一帧的编号。留空或超出时为最后一帧。"],
      format: [
        "格式",
        "图片的格式。",
        { FRAME_FORMAT_PNG: ["PNG", "PNG 格式。"], FRAME_FORMAT_WEBP: ["WebP", "WebP，无损。"] },
      ],
    },
  },
  rasterize: {
    name: "SVG 转图片",
    summary: "按所需尺寸绘制 SVG",
    fields: {
      width: ["宽度", "按比例缩放到此宽度以内，单位像素；0 表示不限。"],
      height: ["高度", "按比例缩放到此高度以内，单位像素；0 表示不限。"],
      dpi: ["DPI", "每英寸 36 到 2,400 像素，一英寸为 72 个单位；填了宽度或高度时不起作用。0 表示 72。"],
    },
  },
  vectorize: {
    name: "转为 SVG 矢量图",
    summary: "把图片描摹成矢量图",
    fields: {
      color: ["彩色", "以彩色描摹。否则为黑白，透明处视为白色。"],
      threshold: ["阈值", "黑白：低于此灰度的像素为黑，0 到 255。默认 128。"],
      invert: ["反相", "黑白互换，或描摹颜色的负片。"],
      color_precision: ["颜色精度", "彩色：每个通道计入的位数，最多 8。0 表示 6。"],
      layer_difference: ["层间差异", "彩色：相邻区域的颜色相差多少，0 到 255；越大，区域越少。默认 16。"],
      filter_speckle: ["过滤斑点", "略去面积小于此像素数平方的区域，最大 256。默认 4。"],
      curve: [
        "曲线",
        "轮廓的线段。",
        {
          TRACE_CURVE_SPLINE: ["平滑曲线", "平滑的曲线。"],
          TRACE_CURVE_POLYGON: ["折线", "直线段。"],
          TRACE_CURVE_PIXELS: ["像素边缘", "沿着像素的边缘。"],
        },
      ],
      corner_threshold: ["拐角阈值", "视为拐角的最小角度，最大 180 度。默认 60。"],
    },
  },
  favicons: {
    name: "网站图标",
    summary: "生成网站所需的图标",
    fields: {
      names: ["名称", "清单和文件夹使用的名称，每张图片一个，各 1 到 200 个字符。留空则用文件名（不含扩展名）。"],
    },
  },
  archive: {
    name: "打包 ZIP",
    summary: "把所有文件放进一个 ZIP 压缩包",
    fields: { name: ["名称", "压缩包的名称，不含 `.zip`，最多 200 个字符；默认 `archive`。"] },
  },
};
