import { uniqueId } from "../api/ids.ts";

/** This tab, until it is loaded again. */
export const TAB = uniqueId();

const lockOf = (tab: string) => `darkroom.tab.${tab}`;
const CLAIM = "darkroom.claim";
const CHANNEL = "darkroom.tabs";
const ANSWER_MS = 400;

// Browsers have locks only with TLS or on the same machine; else tabs ask each other.
const locks = navigator.locks as LockManager | undefined;
const channel = new BroadcastChannel(CHANNEL);

/** A tab holds its lock as long as it is there, however it ends. */
void locks?.request(lockOf(TAB), () => new Promise(() => {}));
channel.addEventListener("message", ({ data }) => {
  if (data === "who") channel.postMessage({ here: TAB });
});

/** The tabs that are there, this one included. */
export async function liveTabs(): Promise<Set<string>> {
  if (locks) {
    const prefix = lockOf("");
    const { held = [] } = await locks.query();
    const found = held.flatMap(({ name, mode }) =>
      mode === "exclusive" && name?.startsWith(prefix) ? [name.slice(prefix.length)] : [],
    );
    return new Set([...found, TAB]);
  }
  const found = new Set([TAB]);
  const hear = ({ data }: MessageEvent) => {
    if (typeof data?.here === "string") found.add(data.here);
  };
  channel.addEventListener("message", hear);
  channel.postMessage("who");
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  channel.removeEventListener("message", hear);
  return found;
}

/** Call `then` once another tab is gone. Without locks this is unknown, and its uploads resume when the page is loaded again. */
export function whenGone(tab: string, then: () => void): void {
  // Shared, so that nobody who waits for a tab seems to be it.
  locks?.request(lockOf(tab), { mode: "shared" }, () => {}).then(then, () => {});
}

/** Take what another tab has left, one tab at a time. */
export async function claiming<Result>(take: () => Promise<Result>): Promise<Result> {
  return locks ? ((await locks.request(CLAIM, take)) as Result) : take();
}
