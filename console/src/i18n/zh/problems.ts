/**
 * The problem with a field or a file, in Simplified Chinese, with the numbers of the server's text; undefined for an unknown text.
 * These errors have no `rule`, and a task keeps its error as a text alone. The result omits the file and the field that the text begins with.
 */
export function problemZh(message: string): string | undefined {
  for (const [pattern, text] of patterns) {
    const found = pattern.exec(message);
    if (found) return text(...found.slice(1));
  }
  return undefined;
}

type Text = (...parts: string[]) => string;

const UNITS: Readonly<Record<string, string>> = { s: "秒", min: "分钟" };

/** `about 3 min`. */
function time(words = ""): string {
  const found = /^about (\d+) (s|min)$/.exec(words);
  return found ? `约 ${found[1]} ${UNITS[found[2] ?? ""]}` : words;
}

const tooLong: Text = (most) => `最多 ${most} 个字符。`;
const inFuture: Text = () => "必须晚于现在。";

/** By the server's texts, in which `{}` stands for what differs. */
export const problems: Readonly<Record<string, Text>> = {
  // Sizes.
  "{} × {} pixels: it has {} megapixels, at most {} are allowed.": (width, height, had, most) =>
    `图片为 ${width} × ${height} 像素（${had} 百万像素），上限为 ${most} 百万像素。`,
  "{} × {} pixels: the result would have {} megapixels, at most {} are allowed.": (_, __, made, most) =>
    `结果将有 ${made} 百万像素，上限为 ${most} 百万像素。`,
  "The picture has {} × {} pixels ({} megapixels); {} megapixels are allowed.": (width, height, had, most) =>
    `图片为 ${width} × ${height} 像素（${had} 百万像素），上限为 ${most} 百万像素。`,
  "{} has {} x {} pixels ({} megapixels).": (what, width, height, had) =>
    `${what === "The picture" ? "图片" : "结果"}为 ${width} × ${height} 像素（${had} 百万像素），超出上限。`,
  "{} frames of {} × {} pixels have {} megapixels together; at most {} are allowed.": (
    frames,
    width,
    height,
    had,
    most,
  ) => `${frames} 帧 ${width} × ${height} 像素共 ${had} 百万像素，上限为 ${most} 百万像素。`,
  "{} frames of {} × {} pixels would have after its operations {} megapixels together; at most {} are allowed.": (
    frames,
    width,
    height,
    made,
    most,
  ) => `${frames} 帧 ${width} × ${height} 像素处理后共 ${made} 百万像素，上限为 ${most} 百万像素。`,
  "{} has {} frames of {} x {} pixels ({} megapixels).": (_, frames, width, height, had) =>
    `${frames} 帧 ${width} × ${height} 像素共 ${had} 百万像素，超出上限。`,
  "the video takes {} seconds; at most {} are allowed.": (had, most) => `视频长 ${had} 秒，上限为 ${most} 秒。`,
  "The document has {} pages; {} are allowed.": (had, most) => `文档有 ${had} 页，上限为 ${most} 页。`,
  "The file needs about {} of memory, and a worker has {}.": (needed, had) =>
    `处理此文件约需 ${needed} 内存，工作节点只有 ${had}。`,
  "The video has {} frames.": (had) => `视频有 ${had} 帧，超出上限。`,
  "The animation has {} frames.": (had) => `动画有 ${had} 帧，超出上限。`,
  "A frame has {} x {} pixels, too many for a GIF.": (width, height) =>
    `一帧为 ${width} × ${height} 像素，超出 GIF 的上限。`,
  "The result has {} x {} pixels, too many for {}.": (width, height, format) =>
    `结果为 ${width} × ${height} 像素，超出 ${format} 的上限。`,
  "{} × {} pixels would take {} here, and an operation may take {} (DARKROOM_OPERATION_SECONDS): with these parameters, enough for {} megapixels.":
    (width, height, needed, limit, most) =>
      `处理 ${width} × ${height} 像素需要${time(needed)}，上限为${time(limit)}；按此设置，图片最多 ${most} 百万像素。`,
  "these {} pictures would take {} in one task, which may take {} (DARKROOM_ATTEMPT_TIMEOUT). Create several tasks.": (
    count,
    needed,
    limit,
  ) => `一个任务处理这 ${count} 张图片需要${time(needed)}，上限为${time(limit)}。请分成几个任务。`,
  "these {} files would take {} in one task, which may take {} (DARKROOM_ATTEMPT_TIMEOUT). Create several tasks.": (
    count,
    needed,
    limit,
  ) => `一个任务处理这 ${count} 个文件需要${time(needed)}，上限为${time(limit)}。请分成几个任务。`,
  "the frames of this file would take {} in one task, which may take {} (DARKROOM_ATTEMPT_TIMEOUT). Shorten it, or make it smaller before.":
    (needed, limit) => `处理此文件的所有帧需要${time(needed)}，上限为${time(limit)}。请先剪短或缩小。`,
  "Reading the file takes more time than is allowed.": () => "读取文件所需的时间超出上限。",
  "Reading the file takes more memory than is allowed.": () => "读取文件所需的内存超出上限。",
  // Videos.
  "the file is {}, and {} does not take videos. Videos can be worked on by {}.": (_, operation) =>
    `文件是视频，而 ${operation} 不能处理视频。`,
  "The file's content is {}. Convert it to MP4, WebM or MOV first.": () =>
    "不支持此视频格式，请先转换为 MP4、WebM 或 MOV。",
  "The file holds sound and no video, so there are no pictures to work on.": () => "文件只有声音，没有画面。",
  "The video is encrypted, so that only players with its key can show it. Upload it without that protection.": () =>
    "视频已加密，只有持有密钥的播放器才能播放。请上传未加密的版本。",
  "{} is for animations and videos, and {}. Choose one of {}.": (format, why = "") =>
    `${format} 仅用于动图和视频，而${why.startsWith("the file is") ? "文件是静态图片" : "此任务只处理一张图片"}。`,
  // Settings of operations.
  "The file has {} frames or pages, numbered from 0.": (count) => `文件共 ${count} 帧或页，编号从 0 开始。`,
  "a photo of {} × {} mm does not fit on a sheet of {}.": (width, height, paper) =>
    `${width} × ${height} 毫米的照片放不进 ${paper} 纸。`,
  "The overlay has {} × {} pixels, more than the picture's {} × {}.": (width, height, most, high) =>
    `叠加图为 ${width} × ${height} 像素，大于底图的 ${most} × ${high}。`,
  "The mask covers the whole picture, so there is nothing to fill it from.": () =>
    "涂抹区域覆盖了整张图片，没有可用来补全的内容。",
  "erase needs a mask.": () => "请先涂抹要擦除的内容。",
  "compose needs an overlay picture.": () => "请选择叠加图。",
  "compare needs two pictures.": () => "需要两张图片。",
  "{} names for {} files.": (names, files) => `有 ${names} 个名称，却有 ${files} 个文件。`,
  "{} is not a valid date.": () => "日期无效。",
  "it is too long for a QR code with this error correction.": () => "内容过长，此纠错级别的二维码放不下。",
  "{} pixels are too few for {} × {} modules.": (size, count) =>
    `${size} 像素太小，二维码有 ${count} × ${count} 个模块。`,
  "margins of {} points leave nothing of a page of {} × {} points.": (margin, width, height) =>
    `页面为 ${width} × ${height} 点，${margin} 点的页边距没有留下空间。`,
  "gaps of {} pixels leave no room for {} cells in {} pixels.": (gap, cells, length) =>
    `${length} 像素内有 ${cells} 格，${gap} 像素的间距没有留下空间。`,
  "a border of {} pixels covers the whole of a {} × {} picture that keeps its size.": (border, width, height) =>
    `${border} 像素的边框会盖住整张 ${width} × ${height} 的图片。`,
  "{} × {} pixels would distort a picture of {} × {}. Give one side only: {} or {} fit.": (
    wide,
    high,
    width,
    height,
    one,
    other,
  ) => `${wide} × ${high} 像素会使 ${width} × ${height} 的图片变形。请只填一边：${one} 或 ${other} 合适。`,
  "{} × {} pixels at {}, {} do not fit into a picture of {} × {}.": (wide, high, left, top, width, height) =>
    `从 ${left}, ${top} 开始的 ${wide} × ${high} 像素超出了 ${width} × ${height} 的图片。`,
  "{} × {} pixels are more than {} times the picture's {} × {}.": (wide, high, most, width, height) =>
    `${wide} × ${high} 像素超过图片 ${width} × ${height} 的 ${most} 倍。`,
  "there is no country {} here, and no width_mm is given instead.": (country) =>
    `没有国家或地区“${country}”的规格，请填写照片的宽度。`,
  "{} cannot be read on this installation. Use one of: {}, or auto.": (_, known) =>
    `此系统不能识别该语言。可用：${known}。`,
  "{} takes all of the task's files together, so it must be the first operation.": () =>
    "此步骤同时处理所有文件，必须是第一步。",
  "{} takes its references from the task's files, so it must be the first operation.": () =>
    "此步骤以任务的文件为参考图，必须是第一步。",
  "{} takes at most {} references.": (_, most) => `最多 ${most} 张参考图。`,
  // Names, keys and people.
  "must be 1 to {} printable characters": (most) => `需要 1 到 ${most} 个可显示的字符。`,
  "must have at most {} characters.": tooLong,
  "must be 0 to {} days": (most) => `必须在 0 到 ${most} 天之间。`,
  "must be in the future": inFuture,
  "expiresAt must be in the future": inFuture,
  "must be in the future.": inFuture,
  "expiresAt must not be later than the expiry of the key that creates this one": () =>
    "不能晚于创建它的密钥的到期时间。",
  "there is no such role. GET /v1/roles lists them.": () => "没有这个角色。",
  "Team not found": () => "没有这个团队。",
  "Username and password are required": () => "用户名和密码必填。",
  "Username must be {} to {} characters": (least, most) => `需要 ${least} 到 ${most} 个字符。`,
  "Username may only contain letters, numbers, dots, hyphens and underscores": () =>
    "只能含字母、数字、“.”、“-”和“_”。",
  "Password must be at least 8 characters with an uppercase letter, a lowercase letter and a number": () =>
    "至少 8 个字符，须包含大写字母、小写字母和数字。",
  "Name must be {} characters or fewer, without NUL": tooLong,
  "Team name is required": () => "必填。",
  "Team name must be {} characters or fewer, without NUL": tooLong,
  "Role name must be 2 to 30 characters: lower-case letters, numbers, hyphens and underscores": () =>
    "2 到 30 个小写字母、数字、“-”或“_”。",
  "Description must be {} characters or fewer, without NUL": tooLong,
  "At least one permission is required": () => "至少需要一项权限。",
  "Cannot scope key with permissions you don't have: {}": (lacking) => `您没有这些权限：${lacking}。`,
  "Cannot modify built-in roles": () => "内置角色不能修改。",
  "Cannot delete built-in roles": () => "内置角色不能移除。",
  "Cannot delete the Default team": () => "默认团队不能移除。",
  "Cannot delete a team that has members": () => "只能移除没有成员的团队。",
  // URLs and files.
  "it must begin with {}.": (schemes) => `必须以 ${schemes?.replaceAll(" or ", " 或 ")} 开头。`,
  "its host does not exist.": () => "主机不存在。",
  "its host name cannot be resolved.": () => "无法解析主机名。",
  "it is not a URL.": () => "这不是网址。",
  "it names no host.": () => "缺少主机名。",
  "it must not have a fragment (#…).": () => "不能含有片段（#…）。",
  "its port must be 1 to 65535.": () => "端口必须在 1 到 65535 之间。",
  "must not have path separators, control characters or text-direction overrides; U+{} is one.": (code) =>
    `不能含有路径分隔符、控制字符或文字方向控制符（U+${code}）。`,
  "the extension must match type, which is “{}”.": (type) => `扩展名必须与类型“${type}”一致。`,
  "its chain has {} versions, the maximum. Start a new chain.": (most) =>
    `已有 ${most} 个版本，达到上限。请另存为新文件。`,
  "a pipeline keeps no secrets; give it to the task instead.": () => "流水线不保存密码，请在运行时填写。",
};

// The first of the parts holds no colon, or it would hold the file and the field.
const patterns: readonly (readonly [RegExp, Text])[] = Object.entries(problems).map(([template, text]) => {
  const escaped = template.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return [new RegExp(`(?:^|: )${escaped.replace(/^\{\}/, "([^:]+?)").replaceAll("{}", "(.+?)")}$`), text];
});
