import type { uploads as English } from "../en/uploads.ts";

export const uploads: typeof English = {
  unknown: "出了点问题。",
  offline: "无法连接服务器，上传会自动继续。",
  signedOut: "重新登录后，上传会继续。",
  slowed: "服务器要求放慢速度，上传会自动继续。",
  reasons: {
    empty: "文件为空。",
    too_large: "文件大于 2 GiB。",
    unreadable: "文件已被移动或修改，请重新拖入以继续。",
    lost: "请重新拖入此文件，上传会从中断处继续。",
    removed: "文件已移除。",
    file_needed: "此工具还需要另一张图片。",
    upload_missing: "该文件已不在此页面上。",
    deleted: "任务已删除。",
    unreachable: "无法连接服务器。",
    nothing_to_pack: "没有可打包的结果。",
  },
};
