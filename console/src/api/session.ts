import { useSyncExternalStore } from "react";

/** The credentials of calls: the token of a session, or an API key. Kept until signing out, so that a new tab is signed in, too. */
const KEPT = "darkroom.token";

export type SessionState = {
  token: string | null;
  /** The server refused the token: somebody has to sign in again, and the page keeps what is on it. */
  ended: boolean;
};

let state: SessionState = { token: localStorage.getItem(KEPT), ended: false };
const listeners = new Set<() => void>();

function set(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

// Signing out in one tab signs out all of them.
window.addEventListener("storage", (event) => {
  if (event.key === KEPT) set({ token: event.newValue, ended: false });
});

export const session = {
  get token(): string | null {
    return state.token;
  },
  begin(token: string): void {
    localStorage.setItem(KEPT, token);
    set({ token, ended: false });
  },
  /** Forget the token. */
  leave(): void {
    localStorage.removeItem(KEPT);
    set({ token: null, ended: false });
  },
  /** A call with this token was refused; another may have begun meanwhile. */
  refused(token: string): void {
    if (state.token === token && !state.ended) set({ token, ended: true });
  },
  get state(): SessionState {
    return state;
  },
  /** Call `listener` whenever the state changes, for what is no component. Returns how to stop. */
  watch(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function useSession(): SessionState {
  return useSyncExternalStore(session.watch, () => state);
}
