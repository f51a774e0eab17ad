import type { library as English } from "../en/library.ts";

export const library: typeof English = {
  about: "您保留的文件按版本存放在这里，直到您删除。",
  searchHint: "名称的一部分",
  count: (count) => `${count} 个文件`,
  none: "还没有保留任何文件。在工作室中选择“保存到文件库”，结果就会出现在这里。",
  notFound: (search) => `没有名称包含“${search}”的文件。`,
  choose: (name) => `选择 ${name}`,
  chosen: (count) => `已选 ${count} 个`,
  choseNone: "取消选择",
  use: "在工作室中使用",
  deleteChosen: "删除",
  deleteHowMany: (count) => (count === 1 ? "删除此文件？" : `删除 ${count} 个文件？`),
  deleteWhat: "所有版本都会被删除。此操作无法撤销。",
  download: (name) => `下载 ${name}`,
  version: (version) => `版本 ${version}`,
  pages: (pages) => `${pages} 页`,
  frames: (frames) => `${frames} 帧`,
  seconds: (seconds) => `${seconds} 秒`,
  original: "原始文件",
};
