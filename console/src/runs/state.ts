import { type Kept, openKept } from "../uploads/kept.ts";
import { TAB } from "../uploads/tabs.ts";
import { isOpen } from "./progress.ts";
import type { Run, RunItem } from "./types.ts";

/** A call that creates tasks: repeated with the same key and items, it creates nothing new. */
export type Pending = { key: string; itemIds: string[] };

/** A run as this tab has it. */
export type Entry = {
  run: Run;
  /** The tab that creates its tasks. */
  tab: string;
  pending: Pending[];
  /** Whether its id has been used as the key of a call. */
  keyed: boolean;
  busy: boolean;
  /** Failures in a row, and until when nothing is tried. */
  tries: number;
  waitUntil: number;
};

export type Kin = { id: string; run: Run; tab: string; pending: Pending[] };
export type Ask = { ask: "retry" | "cancel"; id: string; itemIds?: readonly string[] };
type Message = { kin: Kin } | { removed: string } | Ask;

const TOLD_MS = 100;
const KEPT_MS = 1000;
const MOST_RUNS = 50;

export const entries = new Map<string, Entry>();
const watchers = new Set<() => void>();
const dirty = new Set<string>();
let list: readonly Run[] = [];
let owner: string | undefined;
let kept: Kept | undefined;
let channel: BroadcastChannel | undefined;
let telling: ReturnType<typeof setTimeout> | undefined;
let keeping: ReturnType<typeof setTimeout> | undefined;

export const state = {
  /** Those that were started last first. */
  get list(): readonly Run[] {
    return list;
  },
  get owner(): string | undefined {
    return owner;
  },
  watch(watcher: () => void): () => void {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
};

window.addEventListener("pagehide", () => void keepNow());

export function entryOf(run: Run, tab: string, pending: Pending[] = []): Entry {
  const keyed = pending.length > 0 || run.batchIds.length > 0;
  return { run, tab, pending, keyed, busy: false, tries: 0, waitUntil: 0 };
}

export function mine({ tab }: Entry): boolean {
  return tab === TAB;
}

/** Add a run; the oldest that have ended make room. */
export function add(entry: Entry): void {
  entries.set(entry.run.id, entry);
  const old = [...entries.values()].sort((one, other) => other.run.startedAt - one.run.startedAt).slice(MOST_RUNS);
  for (const { run } of old) if (!run.items.some(isOpen)) forget(run.id, true);
  changed(entry);
}

/** Replace items of a run by what `change` makes of them. */
export function changeItems(entry: Entry, change: (item: RunItem) => RunItem): void {
  const items = entry.run.items.map(change);
  if (items.every((item, index) => item === entry.run.items[index])) return;
  entry.run = { ...entry.run, items };
  changed(entry);
}

export function changeItem(entry: Entry, id: string, change: (item: RunItem) => RunItem): void {
  changeItems(entry, (item) => (item.id === id ? change(item) : item));
}

/** Show the current state of a run, and store it after a moment. */
export function changed(entry: Entry): void {
  dirty.add(entry.run.id);
  tell();
  keeping ??= setTimeout(() => void keepNow(), KEPT_MS);
}

export function tell(): void {
  telling ??= setTimeout(announce, TOLD_MS);
}

/** Show the current state of all runs now. */
export function announce(): void {
  clearTimeout(telling);
  telling = undefined;
  list = [...entries.values()].map(({ run }) => run).sort((one, other) => other.startedAt - one.startedAt);
  for (const watcher of watchers) watcher();
}

/** Store the changes, and notify the other tabs. */
export async function keepNow(): Promise<void> {
  clearTimeout(keeping);
  keeping = undefined;
  const kin = [...dirty].flatMap((id) => entries.get(id) ?? []).flatMap((entry) => (mine(entry) ? kinOf(entry) : []));
  dirty.clear();
  for (const each of kin) channel?.postMessage({ kin: each } satisfies Message);
  if (kin.length) await kept?.put("runs", kin);
}

function kinOf({ run, tab, pending }: Entry): Kin {
  return { id: run.id, run, tab, pending };
}

export function forget(id: string, elsewhere: boolean): void {
  entries.delete(id);
  if (elsewhere) channel?.postMessage({ removed: id } satisfies Message);
  void kept?.delete("runs", [id]);
  tell();
}

/** Ask the tab that a run belongs to. */
export function askOther(what: Ask): void {
  channel?.postMessage(what satisfies Message);
}

export async function begin(next: string, asked: (what: Ask) => void): Promise<void> {
  if (owner !== undefined) end();
  owner = next;
  const database = await openKept(next);
  if (owner !== next) return;
  kept = database;
  channel = new BroadcastChannel(`darkroom.runs.${next}`);
  channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if ("kin" in data) hear(data.kin);
    else if ("removed" in data) forget(data.removed, false);
    else asked(data);
  });
  for (const entry of entries.values()) changed(entry);
}

export async function keptRuns(): Promise<readonly Kin[]> {
  return (await kept?.all<Kin>("runs")) ?? [];
}

export function end(): void {
  entries.clear();
  dirty.clear();
  channel?.close();
  channel = kept = owner = undefined;
  tell();
}

function hear({ id, run, tab, pending }: Kin): void {
  const known = entries.get(id);
  if (!known) entries.set(id, entryOf(run, tab, pending));
  else if (!mine(known) || tab !== TAB) Object.assign(known, { run, tab, pending });
  tell();
}
