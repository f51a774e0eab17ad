/** The progress of a task, in Simplified Chinese. */
export function progressZh(message: string): string {
  const file = FILE.exec(message);
  if (file) return `第 ${file[1]}/${file[2]} 个文件：${progressZh(message.slice(file[0].length))}`;
  const time = TIME.exec(message);
  const doing = time ? message.slice(0, time.index) : message;
  const left = time ? `，剩余约 ${time[1]} ${UNITS[time[2] ?? ""] ?? time[2]}` : "";
  for (const [pattern, text] of STEPS) {
    const found = pattern.exec(doing);
    if (found) return `${text(...found.slice(1))}${left}`;
  }
  return `处理中${left}`;
}

const FILE = /^File (\d+) of (\d+): /;
const TIME = /, about (\d+) (s|min) left$/;
const UNITS: Readonly<Record<string, string>> = { s: "秒", min: "分钟" };

const of = (text: string) => (number?: string, count?: string) => `${text} ${number}/${count}`;

const STEPS: readonly [RegExp, (...parts: string[]) => string][] = [
  [/^Fetching the inputs$/, () => "正在获取文件"],
  [/^Frame (\d+) of (\d+)$/, of("正在处理帧")],
  [/^Looking at frame (\d+) of (\d+)$/, of("正在查看帧")],
  [/^Frame (\d+)$/, (number) => `正在处理第 ${number} 帧`],
  [/^Reading the file$/, () => "正在读取文件"],
  [/^Starting$/, () => "正在开始"],
  [/^Waiting for memory$/, () => "正在等待内存"],
  [/^Writing the result$/, () => "正在写入结果"],
  [/^Storing the result$/, () => "正在保存结果"],
  [/^Writing metadata$/, () => "正在写入元数据"],
  [/^Cutting out the subject$/, () => "正在抠出主体"],
  [/^Removing the background$/, () => "正在移除背景"],
  [/^Blurring the background$/, () => "正在虚化背景"],
  [/^Removing the watermark$/, () => "正在去除水印"],
  [/^Looking for watermarks$/, () => "正在查找水印"],
  [/^Looking for marks in the document$/, () => "正在文档中查找水印"],
  [/^Looking for damage$/, () => "正在查找破损"],
  [/^Filling the damage$/, () => "正在修补破损"],
  [/^(?:Looking for faces|Finding faces)$/, () => "正在检测人脸"],
  [/^Looking for the face$/, () => "正在检测人脸"],
  [/^Looking for red eyes$/, () => "正在查找红眼"],
  [/^Enhancing face (\d+) of (\d+)$/, of("正在增强人脸")],
  [/^Upscaling tile (\d+) of (\d+)$/, of("正在放大")],
  [/^Denoising (?:by .+, )?tile (\d+) of (\d+)$/, of("正在降噪")],
  [/^Removing artefacts$/, () => "正在消除压缩痕迹"],
  [/^Finding what should be transparent$/, () => "正在查找透明区域"],
  [/^Finding colours$/, () => "正在上色"],
  [/^Carving$/, () => "正在调整尺寸"],
  [/^Correcting$/, () => "正在修正"],
  [/^Erasing$/, () => "正在擦除"],
  [/^Tracing$/, () => "正在描摹轮廓"],
  [/^Reading$/, () => "正在识别"],
  [/^Making the photo$/, () => "正在制作照片"],
  [/^Putting pictures together$/, () => "正在合成图片"],
  [/^Packing (\d+) files$/, (count) => `正在打包 ${count} 个文件`],
  [/^Making picture (\d+)$/, (number) => `正在生成第 ${number} 张图片`],
  [/^Making picture (\d+) of (\d+)$/, of("正在生成图片")],
  [/^Reading reference (\d+) of (\d+)$/, of("正在读取参考图")],
  [/^Page (\d+)$/, (page) => `第 ${page} 页`],
  [/^Page (\d+) of (\d+)$/, of("页面")],
  [/^Picture (\d+) of (\d+)$/, of("图片")],
  [/^Frame (\d+) of (\d+)$/, of("帧")],
  [/^Row (\d+) of (\d+)$/, of("行")],
  [/^Step (\d+) of (\d+)$/, of("步骤")],
];
