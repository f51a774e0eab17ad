import { type Kept, openKept } from "./kept.ts";
import type { Job } from "./plan.ts";
import { TAB } from "./tabs.ts";
import type { LineState, Upload } from "./types.ts";

/** An upload as this tab has it. */
export type Entry = {
  upload: Upload;
  lastModified: number;
  /** The tab that sends it. */
  tab: string;
  /** Whether `bytes` of the database has the file. */
  kept: boolean;
  file?: File;
  job: Job;
  /** Failures in a row, without a part that arrived. */
  tries: number;
  /** Failures of joining and checking. */
  joins: number;
  /** How often it was created. */
  created: number;
  /** Bytes of parts that are on their way, by number. */
  loading: Map<number, number>;
  stop: AbortController;
};

/** An upload in the form that the database and messages between tabs use. */
export type Kin = Omit<Upload, "preview"> & { lastModified: number; tab: string; kept: boolean };

type Message = { kin: Kin } | { removed: readonly string[] } | { retry: readonly string[] };

/** How often progress is announced; everything else is announced at once. */
const PROGRESS_MS = 150;
/** Together, the files of which the bytes are kept. */
const KEPT_BYTES = 1024 ** 3;
/** So much of what the browser would give stays free. */
const SPARE = 0.2;

export const entries = new Map<string, Entry>();
const watchers = new Set<() => void>();
let list: readonly Upload[] = [];
let line: LineState = "going";
let owner: string | undefined;
let kept: Kept | undefined;
let channel: BroadcastChannel | undefined;
let telling: { timer: ReturnType<typeof setTimeout>; soon: boolean } | undefined;
/** Uploads that have changed since the last announcement: to be stored, or with progress alone. */
const dirty = new Set<string>();
/** Those that are not shown any more, and not given up yet. */
const hidden = new Set<string>();
const moved = new Set<string>();

export const state = {
  get list(): readonly Upload[] {
    return list;
  },
  get line(): LineState {
    return line;
  },
  get owner(): string | undefined {
    return owner;
  },
  watch(watcher: () => void): () => void {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
};

// Pending announcements are stored before the page closes.
window.addEventListener("pagehide", () => told());

export function entryOf(upload: Upload, more: Pick<Entry, "lastModified" | "tab" | "kept" | "file">): Entry {
  const job: Job = { id: upload.id, phase: "settled", notBefore: 0 };
  const rest = { tries: 0, joins: 0, created: 0, loading: new Map<number, number>(), stop: new AbortController() };
  return { ...rest, ...more, upload, job };
}

/** Whether this tab sends it. */
export function mine(entry: Entry): boolean {
  return entry.tab === TAB;
}

/** Change the displayed facts of an upload. All but progress is stored, and sent to the other tabs. */
export function change(entry: Entry, patch: Partial<Upload>): void {
  entry.upload = { ...entry.upload, ...patch };
  if (!entries.has(entry.upload.id)) return;
  const progress = Object.keys(patch).every((name) => name === "sent" || name === "preview");
  (progress ? moved : dirty).add(entry.upload.id);
  tell(!progress);
}

export function setLine(next: LineState): void {
  if (next === line) return;
  line = next;
  tell(true);
}

/** Show changes: at once, or after a while together with others. */
export function tell(soon: boolean): void {
  if (telling && (telling.soon || !soon)) return;
  if (telling) clearTimeout(telling.timer);
  telling = { soon, timer: setTimeout(told, soon ? 0 : PROGRESS_MS) };
}

function told(): void {
  clearTimeout(telling?.timer);
  telling = undefined;
  list = [...entries.values()].map(({ upload }) => upload).filter(({ id }) => !hidden.has(id));
  for (const watcher of watchers) watcher();
  const own = (ids: Iterable<string>) =>
    [...ids]
      .flatMap((id) => entries.get(id) ?? [])
      .filter(mine)
      .map(kinOf);
  for (const kin of own(new Set([...dirty, ...moved]))) channel?.postMessage({ kin } satisfies Message);
  const changed = own(dirty);
  dirty.clear();
  moved.clear();
  if (changed.length) void kept?.put("uploads", changed);
}

export async function keptUploads(): Promise<readonly Kin[]> {
  return (await kept?.all<Kin>("uploads")) ?? [];
}

export async function keepNow(changed: readonly Entry[]): Promise<void> {
  await kept?.put("uploads", changed.map(kinOf));
}

function kinOf({ upload, lastModified, tab, kept: bytes }: Entry): Kin {
  const { preview: _, ...rest } = upload;
  return { ...rest, lastModified, tab, kept: bytes };
}

/** Keep the bytes of some files, as far as there is room. */
export async function keepBytes(some: readonly Entry[]): Promise<void> {
  const database = kept;
  const { quota = 0, usage = 0 } = (await navigator.storage?.estimate().catch(() => undefined)) ?? {};
  let room = Math.min(quota ? quota * (1 - SPARE) - usage : KEPT_BYTES, KEPT_BYTES);
  for (const entry of entries.values()) if (entry.kept) room -= entry.upload.size;
  // Finished uploads need their bytes only for their picture.
  const finished = [...entries.values()].filter(({ kept: bytes, upload }) => bytes && upload.state === "done");
  for (const entry of some) {
    const { id, size } = entry.upload;
    if (!entry.file || !database || entry.upload.state === "refused") continue;
    while (room < size && finished.length && size <= KEPT_BYTES) {
      const old = finished.shift();
      if (!old) break;
      old.kept = false;
      room += old.upload.size;
      dirty.add(old.upload.id);
      void database.delete("bytes", [old.upload.id]);
    }
    if (room < size) continue;
    room -= size;
    entry.kept = await database.put("bytes", [{ id, file: entry.file } as { id: string }]);
    dirty.add(id);
  }
  tell(true);
}

export async function keptFile(id: string): Promise<File | undefined> {
  return (await kept?.get<{ file?: File }>("bytes", id))?.file;
}

/** Take uploads from the list, wherever they come from. */
export function forget(ids: readonly string[], elsewhere: boolean): void {
  for (const id of ids) {
    const entry = entries.get(id);
    if (entry?.upload.preview) URL.revokeObjectURL(entry.upload.preview);
    entry?.stop.abort();
    entries.delete(id);
    hidden.delete(id);
  }
  if (elsewhere) channel?.postMessage({ removed: ids } satisfies Message);
  void kept?.delete("uploads", ids);
  void kept?.delete("bytes", ids);
  tell(true);
}

export function hide(ids: readonly string[]): void {
  for (const id of ids) hidden.add(id);
  told();
}

export function unhide(ids: readonly string[]): void {
  for (const id of ids) hidden.delete(id);
  told();
}

/** Put all entries in the order of `ids`, which lasts: entries are read in the order of the times at which they were added. */
export function reorder(ids: readonly string[]): void {
  const ordered = ids.flatMap((id) => entries.get(id) ?? []);
  const times = ordered.map(({ upload }) => upload.addedAt).sort((one, other) => one - other);
  entries.clear();
  let last = 0;
  ordered.forEach((entry, index) => {
    entries.set(entry.upload.id, entry);
    last = Math.max(last + 1, times[index] ?? 0);
    if (entry.upload.addedAt !== last) change(entry, { addedAt: last });
  });
  told();
}

/** Ask the tab that sends them to try again. */
export function askToRetry(ids: readonly string[]): void {
  if (ids.length) channel?.postMessage({ retry: ids } satisfies Message);
}

/** Begin with an owner: whatever another one had is gone. `retry` is what another tab asks for. */
export async function begin(next: string, retry: (ids: readonly string[]) => void): Promise<void> {
  if (owner !== undefined) end();
  owner = next;
  const database = await openKept(next);
  if (owner !== next) return;
  kept = database;
  channel = new BroadcastChannel(`darkroom.uploads.${next}`);
  channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if ("kin" in data) hear(data.kin);
    else if ("removed" in data) forget(data.removed, false);
    else retry(data.retry);
  });
  // Files dropped before the person is known.
  for (const id of entries.keys()) dirty.add(id);
  tell(true);
}

export function end(): void {
  for (const { stop, upload } of entries.values()) {
    stop.abort();
    if (upload.preview) URL.revokeObjectURL(upload.preview);
  }
  entries.clear();
  hidden.clear();
  dirty.clear();
  moved.clear();
  channel?.close();
  channel = kept = owner = undefined;
  tell(true);
}

function hear({ lastModified, tab, kept: bytes, ...upload }: Kin): void {
  const known = entries.get(upload.id);
  if (known && mine(known) && tab !== TAB && known.upload.state !== "lost") return;
  if (known) {
    known.upload = { ...upload, preview: known.upload.preview };
    Object.assign(known, { tab, kept: bytes });
  } else {
    entries.set(upload.id, entryOf(upload, { lastModified, tab, kept: bytes, file: undefined }));
  }
  tell(false);
}
