import type { ServerError } from "../server.ts";
import { problemZh } from "./problems.ts";

type Text = string | ((error: ServerError, field: string) => string);

/** The text of an error, in Simplified Chinese. */
export function errorZh(error: ServerError, label: string | undefined): string | undefined {
  const text = errorTexts[error.reason];
  if (text === undefined) return error.message ? "操作失败，请稍后重试。" : undefined;
  return typeof text === "string" ? text : text(error, label ?? fieldZh(error.field));
}

/** By reasons (`darkroom.common.v1.ErrorReason` in small letters). */
export const errorTexts: Readonly<Record<string, Text>> = {
  api_key_invalid: "密钥无效或已过期。",
  permission_denied: "您没有执行此操作的权限。",
  malformed_request: (_, field) => `请求的格式不正确${field ? `：${field}` : ""}。`,
  field_invalid: invalid,
  too_many_files: ({ most }) => (most === undefined ? "文件数量过多。" : `文件数量过多：最多 ${most} 个。`),
  file_too_large: "文件太大。",
  upload_not_found: "上传不存在或已过期，请重新上传。",
  source_file_upload_not_completed: "文件尚未上传完成。",
  file_size_mismatch: "文件在处理期间发生了变化，请重新上传。",
  media_unsupported: ({ allowed }) => `不支持此类文件。${oneOf(allowed)}`,
  file_corrupt: "文件已损坏或不完整。",
  media_limit_exceeded: ({ message }) => problemZh(message) ?? "图片的像素数或文档的页数超出上限。",
  file_encrypted: "文档需要密码才能打开。",
  operation_unavailable: "当前系统无法执行此操作：缺少所需的模型或设置，请联系运维人员。",
  insufficient_credits: "点数不足。",
  route_not_found: "没有这个接口。",
  file_not_found: "文件不存在或已被删除。",
  task_not_found: "任务不存在或已被删除。",
  idempotency_key_mismatch: "同一个请求编号已用于另一个请求，请重试。",
  idempotency_in_progress: "相同的请求正在处理中，请稍候。",
  task_already_terminal: "任务已经结束。",
  body_too_large: "发送的内容太大。",
  too_many_tasks: "未结束的任务已达上限，请等待部分任务结束后再试。",
  rate_limited: "请求过于频繁，请稍后重试。",
  internal: "服务器内部错误，请重试；如果问题仍然存在，请把请求编号告诉运维人员。",
  unavailable: "服务器的某个组件暂时无法访问，请稍后重试。",
  worker_lost: "处理任务的工作节点失去连接，请重新运行。",
  cancelled: "任务已取消。",
  account_not_found: "账户不存在。",
  method_not_allowed: "此接口不支持这种请求。",
  api_key_not_found: "密钥不存在。",
  api_key_not_active: "密钥已被吊销、过期或更换，无法修改。",
  too_many_api_keys: "密钥数量已达上限。",
  address_not_allowed: "此密钥不允许从您所在的网络地址使用。",
  task_not_terminal: "任务尚未结束。",
  deadline_exceeded: "任务未能在截止时间前完成。",
  too_many_streams: "打开的实时连接过多，请关闭其他页面后重试。",
  disk_full: "服务器磁盘空间不足，暂不接受新任务和上传，请联系运维人员。",
  webhook_not_found: "Webhook 不存在。",
  webhook_delivery_not_found: "投递记录不存在。",
  too_many_webhooks: "Webhook 数量已达上限。",
  quota_exceeded: "账户的存储用量已达上限，请先删除不需要的文件。",
  url_fetch_failed: "无法从该网址获取文件：找不到主机、连接被拒绝、超时，或文件不存在。",
  batch_not_found: "批次不存在或已被删除。",
  session_invalid: "会话已结束，请重新登录。",
  credentials_invalid: "用户名或密码错误，或登录链接已失效。",
  password_invalid: "当前密码错误。",
  password_change_required: "请先修改密码。",
  sign_in_disabled: "运维人员已关闭登录功能。",
  escalation_denied: "不能授予高于您自己权限的角色。",
  user_limit_reached: "人数已达上限。",
  user_not_found: "人员不存在。",
  name_taken: "此名称已被使用。",
  self_demote: "管理员不能取消自己的管理员角色。",
  self_delete: "不能移除您自己。",
  last_admin: "这是最后一位管理员，系统至少需要一位管理员。",
  setting_not_found: "没有这项设置。",
  logo_not_found: "没有徽标。",
  pipeline_not_found: "流水线不存在或已被删除。",
  too_many_pipelines: "保存的流水线数量已达上限。",
  role_not_found: "角色不存在。",
  team_not_found: "团队不存在。",
  content_refused: "外部模型的内容政策拒绝了此请求或其结果，重试无济于事。",
  provider_rejected: "外部模型拒绝了此请求，或没有返回可用的结果。",
  provider_unavailable: "外部模型暂时无法访问或过于繁忙，请稍后重试。",
  bundle_not_found: "没有这个模型包。",
  bundle_conflict: "模型包的当前状态不允许此操作，或另一个模型包正在安装或卸载。",
  file_signed: "文档带有数字签名，任何修改都会使签名失效。如仍要处理，请勾选“允许已签名的文件”。",
  delivery_failed: "无法将结果写入指定的存储，请查看错误信息中的原因。",
  file_locked: "文档的权限禁止修改，请填写文档的所有者密码。",
  worker_token_invalid: "工作节点的加入令牌无效、已使用或已过期。",
  worker_refused: "工作节点的版本或时钟与服务器相差过大，无法加入。",
};

function invalid(error: ServerError, field: string): string {
  const { allowed, least, most } = error;
  const name = field ? `“${field}”` : "此项";
  switch (error.rule) {
    case "required":
      return `${name}必填。${oneOf(allowed)}`;
    case "unknown_field":
      return `没有名为${name}的字段。`;
    case "choice":
      return `${name}不在可选范围内。${oneOf(allowed)}`;
    case "range":
      return least !== undefined && most !== undefined
        ? `${name}必须在 ${least} 到 ${most} 之间。`
        : least !== undefined
          ? `${name}不能小于 ${least}。`
          : `${name}不能大于 ${most}。`;
    case "greater":
      return `${name}必须大于 ${least}${most === undefined ? "" : `，且不大于 ${most}`}。`;
    case "less":
      return `${name}必须小于 ${most}${least === undefined ? "" : `，且不小于 ${least}`}。`;
    case "length":
      return least !== undefined ? `${name}至少需要 ${least} 个字符。` : `${name}最多 ${most} 个字符。`;
    case "items":
      return least !== undefined ? `${name}至少需要 ${least} 项。` : `${name}最多 ${most} 项。`;
    case "unique":
      return `${name}有重复的项。`;
    case "pattern":
      return `${name}的格式不正确。`;
    default:
      return unruled(error, field) ?? `${name}的值无效。${oneOf(allowed)}`;
  }
}

/** The text of an error that names no rule; undefined if its problem is unknown. */
function unruled(error: ServerError, field: string): string | undefined {
  const problem = problemZh(error.message);
  return problem && field ? `“${field}”：${problem}` : problem;
}

function oneOf(allowed: readonly string[] | undefined): string {
  return allowed?.length ? `可用：${allowed.join("、")}。` : "";
}

/** The name of a field that is in no form; its own where there is none. */
function fieldZh(path: string | undefined): string {
  if (!path) return "";
  const name =
    path
      .replace(/\[\d+\]/g, "")
      .split(".")
      .at(-1) ?? path;
  return FIELDS[name] ?? path;
}

const FIELDS: Readonly<Record<string, string>> = {
  name: "名称",
  username: "用户名",
  user_name: "用户名",
  expire_time: "到期时间",
  password: "密码",
  new_password: "新密码",
  current_password: "当前密码",
  role: "角色",
  role_id: "角色",
  team: "团队",
  team_id: "团队",
  permissions: "权限",
  scopes: "权限",
  description: "说明",
  expires_at: "到期时间",
  allowed_networks: "允许的网络",
  url: "网址",
  webhook_url: "通知地址",
  events: "事件",
  file: "文件",
  files: "文件",
  file_id: "文件",
  file_ids: "文件",
  input_file_ids: "文件",
  image_file_id: "图片",
  image_url: "图片网址",
  operations: "步骤",
  type: "类型",
  size: "大小",
};
