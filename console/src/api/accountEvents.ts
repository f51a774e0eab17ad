import { useEffect, useRef, useSyncExternalStore } from "react";
import { follow } from "./events.ts";
import { session } from "./session.ts";
import { type AccountEvent, AccountEventReader } from "./taskEvents.ts";

export type { AccountEvent, TaskNow } from "./taskEvents.ts";

/** How long the stream stays after its last listener has gone: another page is likely to want it. */
const KEPT_MS = 10_000;

const listeners = new Set<(event: AccountEvent) => void>();
const watchers = new Set<() => void>();
let connected = false;
let running: { token: string; stop: AbortController } | undefined;
let idle: ReturnType<typeof setTimeout> | undefined;

/**
 * Hear of every task of the account that changes. There is one connection for the whole page, while anybody listens.
 * Listen first and list then, so that nothing falls in between. Returns how to stop.
 */
export function onAccountEvent(listener: (event: AccountEvent) => void): () => void {
  listeners.add(listener);
  adjust();
  return () => {
    listeners.delete(listener);
    clearTimeout(idle);
    if (!listeners.size) idle = setTimeout(adjust, KEPT_MS);
  };
}

/** The same for as long as a component is there. */
export function useAccountEvents(tell: (event: AccountEvent) => void): void {
  const latest = useRef(tell);
  useEffect(() => {
    latest.current = tell;
  });
  useEffect(() => onAccountEvent((event) => latest.current(event)), []);
}

/** Whether changes are heard of as they happen; else what a page shows may be old, and it may ask every few seconds. */
export const stream = {
  get connected(): boolean {
    return connected;
  },
  watch(watcher: () => void): () => void {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
};

export function useStreamConnected(): boolean {
  return useSyncExternalStore(stream.watch, () => connected);
}

/** Begin or end the connection, as the session and the listeners have it. */
function adjust(): void {
  const { token, ended } = session.state;
  const wanted = token !== null && !ended && listeners.size > 0 ? token : undefined;
  if (running?.token === wanted) return;
  running?.stop.abort();
  running = undefined;
  connect(false);
  if (!wanted) return;
  const stop = new AbortController();
  running = { token: wanted, stop };
  const reader = new AccountEventReader();
  void follow(
    "/v1/events",
    stop.signal,
    (received) => {
      const event = stop.signal.aborted ? undefined : reader.read(received);
      if (event) for (const listener of listeners) listener(event);
    },
    (is) => {
      if (!stop.signal.aborted) connect(is);
    },
  );
}

function connect(is: boolean): void {
  if (is === connected) return;
  connected = is;
  for (const watcher of watchers) watcher();
}

session.watch(adjust);
