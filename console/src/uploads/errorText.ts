import type { Texts } from "../i18n/texts.ts";

/** What went wrong, for people: what the page found itself in their language, else the server's words. */
export function errorText(t: Texts, error: { message: string; reason: string }): string {
  const own: Record<string, string> = t.uploads.reasons;
  return own[error.reason] ?? (error.message || t.uploads.unknown);
}
