import type { UploadError } from "./types.ts";

/** The call that did not succeed: creating records, sending bytes, asking what has arrived, or joining and checking. */
export type Step = "create" | "send" | "resume" | "complete";

export type Failure = { step: Step; status: number; reason: string; message: string; retryAfter?: number };

/** The next step of an upload after a failure. */
export type Next =
  /** Nothing is wrong with the upload: the network or the server is away, or everybody must be slower. It waits with all others. */
  | { kind: "line"; afterMs?: number }
  /** Somebody has to sign in again. */
  | { kind: "session" }
  /** The same again, after a while. */
  | { kind: "again"; afterMs: number }
  /** Ask what has arrived, for fresh URLs. */
  | { kind: "resume" }
  /** All bytes are there, or there is no such upload: joining without parts shows which. */
  | { kind: "check" }
  /** The server no longer knows it: create it again. */
  | { kind: "anew" }
  | { kind: "failed"; error: UploadError }
  | { kind: "refused"; error: UploadError };

/** How often an upload may meet failures of its own, without a byte of progress, until a person must try again. */
export const MOST_TRIES = 10;
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/** Reasons that lie in the file itself. */
const REFUSED = new Set([
  "field_invalid",
  "file_too_large",
  "file_corrupt",
  "media_unsupported",
  "media_limit_exceeded",
  "file_encrypted",
]);

/** How long to wait before the next try: twice as long each time, and not all at the same moment. `chance` is from 0 to 1. */
export function backoff(tries: number, chance: number = Math.random()): number {
  const longest = Math.min(FIRST_MS * 2 ** Math.max(0, tries - 1), LONGEST_MS);
  return longest / 2 + (longest / 2) * chance;
}

/** The next step after the `tries`th failure in a row. */
export function after(failure: Failure, tries: number, chance?: number): Next {
  const { step, status, reason, message, retryAfter } = failure;
  const error = { message, reason: reason || `http_${status}` };
  const waitMs = retryAfter === undefined ? undefined : retryAfter * 1000;
  // Without a reason it is not the platform that answers, but what is before it while it starts.
  if (status === 0 || (!reason && status >= 502 && status <= 504)) return { kind: "line", afterMs: waitMs };
  if (status === 401 && step !== "send") return { kind: "session" };
  if (reason === "rate_limited" || (status === 429 && !reason)) return { kind: "line", afterMs: waitMs };
  if (reason === "quota_exceeded") return { kind: "failed", error };
  if (tries >= MOST_TRIES) return { kind: "failed", error };
  const again: Next = { kind: "again", afterMs: waitMs ?? backoff(tries, chance) };
  if (status >= 500 || status === 408 || status === 409 || status === 429) return again;
  if (step === "send") {
    // The URL has expired, or the upload has been joined or given up meanwhile.
    if (status === 400 || status === 403 || status === 404) return { kind: "resume" };
    return { kind: "failed", error };
  }
  if (step === "resume") {
    if (reason === "upload_not_found") return { kind: "check" };
    if (reason === "file_not_found") return { kind: "anew" };
    return { kind: "failed", error };
  }
  if (step === "complete") {
    if (reason === "upload_not_found" || reason === "file_not_found") return { kind: "anew" };
    // Bytes or parts are missing.
    if (reason === "field_invalid" || reason.startsWith("source_file_") || reason === "file_size_mismatch")
      return { kind: "resume" };
  }
  return { kind: REFUSED.has(reason) ? "refused" : "failed", error };
}

/**
 * Which of the `count` files of one call an error is about, by its field (`files[3].type`); undefined if it is about the call.
 * The others can be created without it.
 */
export function blamed(field: string | undefined, count: number): number | undefined {
  const index = Number(/^files\[(\d+)\]/.exec(field ?? "")?.[1] ?? Number.NaN);
  return index < count ? index : undefined;
}
