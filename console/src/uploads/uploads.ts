import { useSyncExternalStore } from "react";
import { v1 } from "../api/client.ts";
import { uniqueId } from "../api/ids.ts";
import { session } from "../api/session.ts";
import { go, pump } from "./engine.ts";
import { dropAll } from "./kept.ts";
import { sizeFault } from "./plan.ts";
import {
  askToRetry,
  begin,
  change,
  type Entry,
  end,
  entries,
  entryOf,
  forget,
  hide,
  type Kin,
  keepBytes,
  keepNow,
  keptFile,
  keptUploads,
  mine,
  reorder,
  state,
  tell,
  unhide,
} from "./state.ts";
import { claiming, liveTabs, TAB, whenGone } from "./tabs.ts";
import type { DroppedFile, LineState, Upload, UploadState } from "./types.ts";

const REMEMBERED_MS = 24 * 60 * 60 * 1000;
const SETTLED: ReadonlySet<UploadState> = new Set(["done", "failed", "refused", "lost"]);
/** Pictures that every browser shows, and videos that it may show. */
const SHOWN = /^(image\/(jpeg|png|webp|gif|avif|bmp|svg\+xml|x-icon)|video\/(mp4|webm|quicktime))$/;

let opening: Promise<void> = Promise.resolve();

/** Uploads of this browser. They go on while other pages are shown, after a reload, and after somebody has signed in again. */
export const uploads = {
  /** Begin with what is kept for an owner (account and person); what belongs to others is dropped. */
  open(owner: string): Promise<void> {
    if (state.owner !== owner) opening = begun(owner);
    return opening;
  },

  add(files: readonly DroppedFile[]): Upload[] {
    const added = files.map(({ file, path }) => {
      const lost = [...entries.values()].find((entry) => isLost(entry, file));
      const entry = lost ?? entered(file, path);
      entry.file = file;
      entry.tab = TAB;
      if (entry.upload.state !== "refused") go(entry);
      return entry;
    });
    tell(true);
    pump();
    void keepBytes(added);
    return added.map(({ upload }) => upload);
  },

  /** Take one from the list. One that is not finished is given up; a finished file stays at the server for what uses it. */
  remove(id: string): void {
    give([id]);
  },

  /** Take all from the list. They are given up after `afterMs`; until then, the returned function puts them back. */
  clear(afterMs = 0): () => void {
    const some = [...entries.values()];
    const ids = some.map(({ upload }) => upload.id);
    hide(ids);
    const timer = setTimeout(() => give(ids), afterMs);
    return () => {
      clearTimeout(timer);
      unhide(ids);
    };
  },

  /** Move one to the place of another. */
  move(id: string, place: string): void {
    const ids = [...entries.keys()];
    const [from, to] = [ids.indexOf(id), ids.indexOf(place)];
    if (from < 0 || to < 0 || from === to) return;
    ids.splice(from, 1);
    ids.splice(to, 0, id);
    reorder(ids);
  },

  /** Try some again, or all that have failed. */
  retry(ids: readonly string[] = [...entries.keys()]): void {
    const some = ids.flatMap((id) => entries.get(id) ?? []).filter(({ upload }) => upload.state === "failed");
    askToRetry(some.filter((entry) => !mine(entry)).map(({ upload }) => upload.id));
    void Promise.all(some.filter(mine).map(goOrLose)).then(pump);
  },

  get(id: string): Upload | undefined {
    return entries.get(id)?.upload;
  },

  /** The file itself, if this page has it. */
  file(id: string): File | undefined {
    return entries.get(id)?.file;
  },

  /** An upload once nothing more happens to it by itself: done, or with an error. One that is taken from the list is `failed`. */
  whenDone(id: string): Promise<Upload> {
    return new Promise((resolve) => {
      let last = uploads.get(id);
      const look = () => {
        const upload = uploads.get(id);
        last = upload ?? last;
        if (upload && !SETTLED.has(upload.state)) return;
        stop();
        if (last) resolve(upload ?? { ...last, state: "failed", error: { message: "", reason: "removed" } });
      };
      const stop = state.watch(look);
      look();
    });
  },

  watch: state.watch,
};

/** The URL of a picture or a video that the browser can show, from the bytes that this page has. It lasts until the upload is removed. */
export function previewOf(id: string): string | undefined {
  const entry = entries.get(id);
  if (!entry) return undefined;
  const { file, upload } = entry;
  if (!upload.preview && file?.size && SHOWN.test(file.type)) change(entry, { preview: URL.createObjectURL(file) });
  return entry.upload.preview;
}

/** All uploads, in the order in which they were added. */
export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(state.watch, () => state.list);
}

export function useUpload(id: string): Upload | undefined {
  return useSyncExternalStore(state.watch, () => entries.get(id)?.upload);
}

/** The reason that uploads are paused, if any. */
export function useUploadLine(): LineState {
  return useSyncExternalStore(state.watch, () => state.line);
}

async function begun(owner: string): Promise<void> {
  await begin(owner, (ids) => uploads.retry(ids));
  if (state.owner !== owner) return;
  await claim();
  // Files dropped before the person is known.
  await keepBytes([...entries.values()].filter((entry) => mine(entry) && !entry.kept));
}

session.watch(() => {
  // Somebody has signed out. A session that has ended keeps everything.
  if (session.token !== null || state.owner === undefined) return;
  end();
  void dropAll();
});

function entered(file: File, path: string): Entry {
  const fault = sizeFault(file.size);
  const upload: Upload = {
    id: uniqueId(),
    name: file.name,
    path,
    size: file.size,
    type: file.type,
    addedAt: Date.now(),
    state: fault ? "refused" : "waiting",
    sent: 0,
    error: fault && { message: "", reason: fault },
  };
  const entry = entryOf(upload, { lastModified: file.lastModified, tab: TAB, kept: false, file });
  entries.set(upload.id, entry);
  return entry;
}

/** Whether this is the file whose bytes an upload has lost. */
function isLost({ upload, lastModified }: Entry, file: File): boolean {
  if (upload.state !== "lost" || upload.size !== file.size) return false;
  // A file that lost its bytes because it was changed has another date.
  const same = lastModified === file.lastModified || upload.error?.reason === "unreadable";
  return upload.name === file.name && same;
}

function give(ids: readonly string[]): void {
  for (const id of ids) {
    const upload = uploads.get(id);
    if (upload?.fileId && upload.state !== "done" && session.token !== null)
      void v1.POST("/v1/files/{id}/abort", { params: { path: { id: upload.fileId } } }).catch(() => {});
  }
  forget(ids, true);
  pump();
}

async function goOrLose(entry: Entry): Promise<void> {
  const { id } = entry.upload;
  entry.file ??= await keptFile(id);
  if (entries.get(id) !== entry) return;
  if (entry.file) go(entry);
  else change(entry, { state: "lost", error: { message: "", reason: "lost" } });
}

/** Show what is kept, and go on with what no other tab sends. */
async function claim(): Promise<void> {
  const { owner } = state;
  const waited = new Set<string>();
  await claiming(async () => {
    const live = await liveTabs();
    const found = await keptUploads();
    if (state.owner !== owner) return;
    const now = Date.now();
    const old = found.filter((kin) => now - kin.addedAt > REMEMBERED_MS && (SETTLED.has(kin.state) || !kin.kept));
    if (old.length)
      forget(
        old.map(({ id }) => id),
        false,
      );
    const claimed: Entry[] = [];
    for (const kin of found.filter((each) => !old.includes(each)).sort((one, other) => one.addedAt - other.addedAt)) {
      const entry = shown(kin);
      if (mine(entry) || entry.upload.state === "lost") continue;
      if (live.has(entry.tab)) {
        waited.add(entry.tab);
        continue;
      }
      entry.tab = TAB;
      claimed.push(entry);
      if (!SETTLED.has(entry.upload.state)) await goOrLose(entry);
      else if (kin.kept) entry.file = await keptFile(kin.id);
    }
    await keepNow(claimed);
  });
  if (state.owner !== owner) return;
  for (const tab of waited) whenGone(tab, () => void claim());
  tell(true);
  pump();
}

function shown({ lastModified, tab, kept, ...upload }: Kin): Entry {
  const known = entries.get(upload.id);
  if (known) return known;
  const entry = entryOf(upload, { lastModified, tab, kept, file: undefined });
  entries.set(upload.id, entry);
  return entry;
}
