import type { Texts } from "../i18n/texts.ts";

/** The error for people: the page's own text in their language, or else the server's words. */
export function errorText(t: Texts, error: { message: string; reason: string }): string {
  const own: Record<string, string> = t.uploads.reasons;
  return own[error.reason] ?? (error.message || t.uploads.unknown);
}
