import type { components } from "../../../generated/v1.ts";

export type Key = components["schemas"]["Key"];
export type KeyState = "active" | "replaced" | "expired" | "revoked";

/** A key. One that was rotated works until its overlap ends. `keys` are all of the account. */
export function stateOf(key: Key, keys: readonly Key[], now: Date): KeyState {
  if (key.revoked_at) return "revoked";
  if (key.expires_at && new Date(key.expires_at) <= now) return "expired";
  return keys.some((other) => other.replaces === key.id && !other.revoked_at) ? "replaced" : "active";
}

export const works = (state: KeyState): boolean => state === "active" || state === "replaced";
