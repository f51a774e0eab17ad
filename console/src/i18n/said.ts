import type { ServerError, ServerNotice } from "./server.ts";
import type { Texts } from "./texts.ts";

/** An error in the page's language; `label` is what the page calls its field. */
export function errorText(t: Texts, error: ServerError, label?: string): string {
  const own: Record<string, string> = t.uploads.reasons;
  return own[error.reason] ?? t.server.error(error, label) ?? (error.message || t.uploads.unknown);
}

/** A notice in the page's language; `label` is what the page calls its subject. */
export function noticeText(t: Texts, notice: ServerNotice, label?: string): string {
  return t.server.notice(notice, label) ?? notice.message;
}

/** The problem of a delivery to a webhook. */
export function deliveryText(t: Texts, error: string | undefined): string | undefined {
  return error && (t.server.delivery(error) ?? error);
}

/** The progress of a task, in the page's language. */
export function progressText(t: Texts, message: string): string {
  return t.server.progress(message) ?? message;
}

/** The error of a task that failed. */
export function taskErrorText(
  t: Texts,
  task: { error_type?: string | undefined; error_message?: string | undefined },
): string {
  return errorText(t, { reason: task.error_type ?? "", message: task.error_message ?? "" });
}
