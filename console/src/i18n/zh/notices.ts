import type { ServerNotice } from "../server.ts";
import { errorTexts } from "./errors.ts";

type Details = Readonly<Record<string, unknown>>;
type Text = string | ((details: Details) => string);

/** The text of a notice, in Simplified Chinese. */
export function noticeZh(notice: ServerNotice, label: string | undefined): string {
  const details = notice.details ?? {};
  const some = details.of_frames === undefined ? "" : `（${details.of_frames} 帧中的 ${details.frames} 帧）`;
  return `${noticeOf(notice, details, label)}${some}`;
}

function noticeOf(notice: ServerNotice, details: Details, label: string | undefined): string {
  const text = noticeTexts[`${notice.code}.${details.why}`] ?? noticeTexts[notice.code];
  const said = text === undefined ? undefined : typeof text === "string" ? text : text(details);
  if (notice.code === "not_applied") {
    const subject = label ?? notice.subject;
    return `${subject ? `“${subject}”未生效` : "部分设置未生效"}${said ? `：${said}` : "。"}`;
  }
  return said ?? "请检查结果。";
}

const page = ({ page: one, pages }: Details) => {
  const all = Array.isArray(pages) ? pages : one === undefined ? [] : [one];
  if (!all.length) return "";
  return all.length === 1 ? `第 ${all[0]} 页：` : `第 ${all[0]} 页起共 ${all.length} 页：`;
};

const MARKS: Readonly<Record<string, string>> = {
  box: "框选的区域",
  text: "一行文字",
  overlay: "半透明叠加层",
  logo: "不透明的标记",
  tiled: "重复的图案",
  artifact: "自带水印标记的内容",
  annotation: "水印批注",
  optional_content: "水印图层",
  compound_form: "自带水印标记的表单",
  outlines: "以轮廓绘制的文字",
  image: "一张图片",
};

/** The name of a mark: of a document by its method, of a picture by its kind. */
function mark(details: Details): string {
  const name = MARKS[String(details.method ?? details.kind)] ?? "水印";
  const detail = ["text", "optional_content"].includes(String(details.method)) && details.detail;
  return `${page(details)}${name}${detail ? `（${detail}）` : ""}`;
}

const device = ({ device: name }: Details) => (name === "gpu" ? "GPU" : "CPU");
const list = (value: unknown) => (Array.isArray(value) ? value.join("、") : String(value ?? ""));

/** By codes; where a code has several texts, by `code.why`. A test compares the keys with what the server can send. */
export const noticeTexts: Readonly<Record<string, Text>> = {
  "not_applied.format_not_signed": ({ file }) => `${file} 未签署：内容凭证只能写入图片。`,
  "not_applied.file_too_large": ({ after, most }) => `能做到的最小文件为 ${after} 字节，超过要求的 ${most} 字节。`,
  "not_applied.no_references": "请求中没有参考图。",
  "not_applied.single_picture": "只有一张图片，因此没有打包。",
  "not_applied.one_reference": "本地模型只能使用一张参考图，已使用第一张。",
  "not_applied.size_limit": ({ largest }) => `本地模型最大只能生成 ${largest} 的图片。`,
  "not_applied.no_guidance": "本地模型运行时不使用引导，反向提示词不起作用。",
  "not_applied.one_quality": "此模型只有一种质量。",
  "not_applied.prompt_too_long": ({ most }) => `提示词与反向提示词合计超过 ${most} 个字符。`,
  "not_applied.size_by_model": "未指定宽高比时，尺寸由模型决定。",
  "not_applied.smallest_size": ({ size }) => `模型在此宽高比下能生成的最小尺寸为 ${size} 像素。`,
  "not_applied.model_missing": ({ wanted, model }) => `系统未安装模型 ${wanted}，已改用 ${model} 增强人脸。`,
  "not_applied.fast_quality": "此选项控制边缘的精修方式，而“快速”质量不精修边缘。",
  "not_applied.no_shadow": "没有在纯色背景上找到阴影。",
  "not_applied.not_cut_out": "图片没有被抠出。",
  "not_applied.too_slow": ({ tier }) =>
    tier === undefined ? "在当前系统上耗时会超出限制。" : "在当前系统上耗时会超出限制，已改用较快的档位。",
  "not_applied.not_enlarged": "图片没有放大，因此没有增强。",
  "not_applied.no_text_model": "系统未安装文字检测模型。",
  "not_applied.no_text": "没有找到文字。",
  "not_applied.no_colour_model": "系统未安装上色模型。",
  "not_applied.not_gray": "只能为黑白照片上色。",
  "not_applied.no_face_model": "系统未安装处理人脸所需的放大模型。",
  "not_applied.filled_smaller": ({ scale }) =>
    `以原尺寸修补耗时过长，已在缩小到 ${Math.round(Number(scale) * 100)}% 的副本上修补。`,
  "not_applied.faces_too_large": ({ left, of }) => `${of} 张人脸中有 ${left} 张太大，无法用 CPU 增强。`,
  "not_applied.profile_missing": ({ profile }) => `系统没有色彩配置文件 ${profile}，已改用通用 CMYK 配置文件。`,
  "not_applied.several_frames": "动画和视频不支持此项。",
  "not_applied.automatic_mode": "自动模式会自行查找水印；如需指定位置，请改用手动模式。",
  "not_applied.unknown_field": "此接口没有这个字段。",
  "not_applied.no_thinking_time": "本系统的模型没有思考时间的设置。",
  "not_applied.no_quality_levels": "只有 gpt-image-2 支持质量分级。",
  partial: ({ made, of, reason }) => {
    const why = errorTexts[String(reason)];
    return `${of} 张图片中生成了 ${made} 张。${typeof why === "string" ? why : ""}`;
  },
  model_used: (details) =>
    details.factor === undefined
      ? `使用了模型 ${details.model}（${device(details)}）。`
      : `已用模型 ${details.model}（${device(details)}）放大 ${details.factor} 倍。`,
  several_faces: ({ faces }) => `图片中有 ${faces} 张人脸，已使用最大的一张。`,
  crown_cut: "图片没有拍全头顶，头顶位置为估计值。",
  head_unsure: ({ reasons, crown, eyes, chin }) => {
    const why = (Array.isArray(reasons) ? reasons : []).map((each) =>
      each === "turned" ? "脸朝向一侧" : "没有找到头发顶端",
    );
    return `头部测量不够可靠（${why.join("，")}）：头顶在第 ${crown} 行像素，眼睛在第 ${eyes} 行，下巴在第 ${chin} 行。`;
  },
  "not_smaller.input": ({ before, after }) => `按此设置，${before} 字节的文件会变成 ${after} 字节，因此原样返回。`,
  "not_smaller.larger": ({ before, after }) => `结果为 ${after} 字节，大于原文件的 ${before} 字节。`,
  picture_note: "读取图片时做了调整。",
  "picture_note.first_frame": ({ frames }) => `文件共有 ${frames} 帧或页，只使用了第一帧。`,
  "picture_note.chosen_frame": ({ number, frames }) => `文件共有 ${frames} 帧或页，只使用了第 ${number} 个。`,
  "picture_note.chosen_of_uncounted": ({ number }) => `只使用了第 ${number} 帧。`,
  "picture_note.first_of_uncounted": "图片是动画，只使用了第一帧。",
  "picture_note.main_picture": ({ pictures }) => `文件中有 ${pictures} 张图片，只使用了主图片。`,
  "picture_note.converted": ({ space }) =>
    `颜色已从${space === "floating-point RGB" ? "浮点 RGB" : ` ${space} `}转换为 sRGB。`,
  "picture_note.no_end": "文件缺少结束标记，但所有像素都在。",
  "picture_note.stretched": ({ low, high }) => `样本值范围为 ${low} 至 ${high}：最小值变为黑色，最大值变为白色。`,
  "picture_note.clipped": ({ low, high }) => `样本值范围为 ${low} 至 ${high}：小于 0 的变为黑色，大于 1 的变为白色。`,
  "picture_note.profile_damaged": "内嵌的色彩配置文件已损坏或与图片不符，已按 sRGB 处理。",
  "picture_note.profile_of_tables": "内嵌的色彩配置文件使用查找表，颜色已转换为 sRGB。",
  "picture_note.no_transparency": "JPEG 不支持透明，因此结果为 PNG。",
  "picture_note.side_too_long": ({ format, side }) => `${format} 的每边最多 ${side} 像素，因此结果为 PNG。`,
  "picture_note.format_not_kept": ({ format, written }) => `未明确要求时不会写出 ${format}，因此结果为 ${written}。`,
  "picture_note.only_read": ({ format, written }) => `${format} 只能读取，因此结果为 ${written}。`,
  "picture_note.no_alpha_in_video": "MP4 不支持透明，因此结果为 WebM。",
  "picture_note.no_soft_edges": ({ format }) => `GIF 的像素只能完全透明或不透明，因此结果为边缘柔和的 ${format}。`,
  "picture_note.other_tracks": "文件中有多个视频轨道，只使用了第一个。",
  "picture_note.high_range": "视频为高动态范围（HDR），其亮度和颜色已适配到 sRGB。",
  "picture_note.sound_unread": "无法读取声音，结果没有声音。",
  "picture_note.no_sound": ({ format }) => `${format} 不支持声音，结果没有声音。`,
  "picture_note.no_transparency_in": ({ format }) => `该 ${format} 不支持透明，透明部分显示为背景色。`,
  "picture_note.even_sides": "此类视频的边长必须为偶数，因此边缘的一行或一列像素重复了一次。",
  "picture_note.shown_forever": ({ format }) => `${format} 无法记录播放次数，结果会一直循环播放。`,
  "picture_note.no_times": "每一帧成为 TIFF 的一页，TIFF 不记录时间。",
  "picture_note.frames_dropped": ({ format }) => `${format} 的播放器跟不上的帧已略去。`,
  attachment_left_out: ({ name, most }) => `未附上 ${name}：一个任务最多交付 ${most} 个文件。`,
  not_drawn: ({ characters }) => `字体中没有这些字符，已用方框代替：${characters}`,
  no_noise_found: "没有发现噪点，像素未改动。",
  noise_found: ({ level }) => `图片的噪点水平为 ${Number(level).toFixed(1)}，已去除。`,
  nothing_to_erase: "没有涂抹任何内容，图片未改动。",
  no_red_eye_found: "没有发现红眼，像素未改动。",
  red_eyes_left: ({ eyes }) => `另有 ${eyes} 只眼睛略像红眼，未作改动。提高灵敏度即可校正。`,
  size_not_reached: ({ max_bytes }) => `即使使用最低质量，照片仍大于 ${max_bytes} 字节。`,
  background_not_allowed: ({ allowed, asked }) => `证件规定的背景颜色是 ${list(allowed)}，而不是 ${asked}。`,
  head_cut: ({ above_mm, below_mm }) =>
    `头部没有完全在照片内：上方超出 ${above_mm} 毫米，下方超出 ${below_mm} 毫米。请调整缩放和位置。`,
  faces_enhanced: ({ found, faces }) => {
    const count = Array.isArray(faces) ? faces.length : 0;
    return `已增强 ${count} 张人脸。${count < Number(found) ? "其余人脸太大，无法用 CPU 处理。" : ""}`;
  },
  not_enlarged: ({ had, made }) =>
    had === made ? `图片已经是 ${had} 像素，因此没有放大。` : `图片原为 ${had} 像素，已缩小到 ${made}，没有放大。`,
  not_compressed: "没有值得消除的 JPEG 压缩痕迹，图片未改动。",
  low_contrast: "两种颜色的对比度太低，许多扫描器无法识别此二维码。",
  light_on_dark: "二维码比背景亮，部分扫描器无法识别。",
  no_damage_found: "没有发现划痕。",
  no_face_found: "没有找到人脸，像素未改动。",
  no_watermark_found: "没有找到确定的水印，内容未改动。如果确有水印，可以在它周围画框后重试。",
  "no_watermark_found.drawn": "没有找到确定的水印，内容未改动。如果确有水印，请把框画得更贴近它。",
  watermark_removed: (details) => `${mark(details)}已去除。`,
  "watermark_removed.removed_in_part": (details) =>
    `${mark(details)}已去除，但有一部分与画面难以区分。可以用更小的框再试。`,
  watermark_found: (details) => `${mark(details)}将被去除。`,
  watermark_kept: (details) => `${mark(details)}已保留。`,
  "watermark_kept.uncertain": (details) => `${mark(details)}可能是水印，但不能确定，因此保留。画框即可去除。`,
  "watermark_kept.indistinct": (details) => `${mark(details)}中的水印与画面难以区分，因此保留。`,
  "watermark_kept.hides_print": (details) =>
    `${mark(details)}遮住了文字，去除会连文字一起丢失，因此保留。画框可以照样去除。`,
  "watermark_kept.part_would_remain": (details) => `${mark(details)}无法完全去除，因此保留。画框可以尽量去除。`,
  "watermark_kept.maybe_own": (details) =>
    `${mark(details)}可能是后加的，但印法与文档自己的文字相同，因此保留。用 AI 模式画框即可去除。`,
  "watermark_kept.text_depends": (details) => `${mark(details)}已保留：去除会使同一行后面的文字移动。`,
  "watermark_kept.unbalanced": (details) => `${mark(details)}已保留：它的标记没有结束。`,
  document_warning: "请检查文档。",
  "document_warning.signature_lost": "文档带有数字签名，修改后签名已失效。",
  "document_warning.encryption_lost": "文档原以所有者密码加密，结果未加密。",
  "document_warning.damaged": "文档已损坏，结果只包含可读取的内容。",
  "document_warning.content_missing": "文档已损坏或不完整，页面可能缺少内容。",
  "document_warning.unreadable": (details) => `${page(details)}部分内容无法解码，未改动。`,
  "document_warning.too_long": (details) => `${page(details)}内容过长，没有查找未声明的水印。`,
  "document_warning.not_searched": (details) => `${page(details)}页面已损坏，无法查找未声明的水印。`,
  "document_warning.not_verified": (details) => `${page(details)}内容过于复杂，无法核对结果，请自行检查。`,
  "document_warning.page_too_large": (details) =>
    `${page(details)}页面太大（${details.width} × ${details.height} 英寸），重绘后文字会不清晰，只去除了绘图指令中的水印。`,
  "document_warning.flattened": "重绘的页面是带文字和链接的图片，原有的表单字段、批注和标签已并入图片。",
  "document_warning.signed": "文档带有数字签名，修改会使签名失效。如仍要处理，请允许已签名的文件。",
  "document_warning.locked": "文档的权限禁止修改，去除水印需要所有者密码。",
  "document_warning.wrong_password": "所有者密码不正确。",
  text_not_recognised: (details) => `${page(details)}系统未安装文字识别模型，页面图片中的文字没有识别。`,
  pictures_not_searched: (details) => `${page(details)}页面是图片，没有查找其中的水印。请改用“清理扫描版 PDF”。`,
  compression: ({ quality, met }) => `图片以质量 ${quality} 写入${met === false ? "，仍超出要求的大小" : ""}。`,
  pages: ({ page_count, pages }) => `共 ${page_count} 页，转换了 ${Array.isArray(pages) ? pages.length : 0} 页。`,
  transparency_found: ({ way, colors, color, model }) => {
    if (way === "checkerboard") return `已去除 ${list(colors)} 的棋盘格。`;
    if (way === "uniform") return `背景颜色为 ${color}。`;
    if (way === "alpha") return "图片已有透明区域，只清理了边缘。";
    return `模型 ${model} 找到了主体。`;
  },
  credentials_dropped: ({ file }) => `结果中不含 ${file} 的内容凭证（C2PA），因为图片改动后它已不再成立。`,
  already_cut_out: "图片已经是抠好的图，透明通道保持不变。",
  no_subject_found: "没有找到主体，图片未改动。",
  frames_without_subject: ({ frames, without_subject: empty }) => `${frames} 帧中有 ${empty} 帧没有找到主体。`,
  subject_unsure: "主体不太确定，请检查结果。",
  parts_unsure: ({ unsure_parts: parts }) =>
    `有 ${Array.isArray(parts) ? parts.length : 1} 处可能不属于主体，请在结果中检查。`,
  several_subjects: ({ subjects }) => `保留了 ${Array.isArray(subjects) ? subjects.length : 2} 个主体。`,
  ran_on_standby_worker: "由较慢的备用节点处理。",
  "ran_on_standby_worker.long_queue": "由于排队较长，由较慢的备用节点处理。",
  "ran_on_standby_worker.machine_away": ({ name }) => `由于 ${name} 离线，由较慢的备用节点处理。`,
  "ran_on_standby_worker.no_other_worker": "由于没有其他节点连接，由较慢的备用节点处理。",
};
