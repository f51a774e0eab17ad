import type { signIn as English } from "../en/signIn.ts";

export const signIn: typeof English = {
  title: "登录",
  user: "用户名",
  password: "密码",
  submit: "登录",
  withKey: "改用 API 密钥",
  withPassword: "改用用户名和密码",
  key: "API 密钥",
  wrongKey: "服务器不认识这个密钥，或密钥已失效。",
  ended: "会话已结束。重新登录即可继续，页面上的内容都还在。",
  link: "正在登录…",
  linkFailed: "此链接已失效。运行 `make link` 可获得新的链接。",
  linkHint: "在运行 Darkroom 的机器上执行 `make link`，会打印一个登录链接。",
  out: "退出登录",
  newPassword: "新密码",
  newPasswordWhy: "您的密码由他人设置，请先设置自己的密码。",
  currentPassword: "当前密码",
  passwordRule: "至少 8 个字符，须包含大写字母、小写字母和数字。",
  as: (name) => `当前用户：${name}`,
};
