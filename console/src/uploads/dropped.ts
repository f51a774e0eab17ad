import type { DroppedFile } from "./types.ts";

/** Files that systems put into folders for themselves. */
const NOT_MEANT = new Set(["thumbs.db", "desktop.ini", "__macosx"]);

/** The part of `FileSystemEntry` that is used here. */
export type Entry = {
  isFile: boolean;
  isDirectory: boolean;
  name: string;
  file?: (found: (file: File) => void, failed: (error: unknown) => void) => void;
  createReader?: () => { readEntries: (found: (entries: Entry[]) => void, failed: (error: unknown) => void) => void };
};

/** Whether somebody meant the file at this path: hidden files, and what is in hidden folders, came along. */
export function meant(path: string): boolean {
  return path.split("/").every((name) => !name.startsWith(".") && !NOT_MEANT.has(name.toLowerCase()));
}

/** All dropped files, including those in folders. Unreadable ones are left out. */
export async function dropped(transfer: DataTransfer): Promise<DroppedFile[]> {
  // Entries are there only while the event is handled, so all are taken before anything is awaited.
  const roots: (Entry | DroppedFile)[] = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.() as Entry | null | undefined;
    const file = entry ? null : item.getAsFile();
    if (entry) roots.push(entry);
    else if (file) roots.push({ file, path: file.name });
  }
  const found = await Promise.all(roots.map((root) => ("path" in root ? [root] : filesOf(root))));
  return found.flat().filter(({ path }) => meant(path));
}

/** All files under an entry, in the order of their names. */
export async function filesOf(entry: Entry, folder = ""): Promise<DroppedFile[]> {
  const path = folder ? `${folder}/${entry.name}` : entry.name;
  if (!meant(path)) return [];
  try {
    if (entry.isFile) {
      const file = await new Promise<File | undefined>((resolve, reject) =>
        entry.file ? entry.file(resolve, reject) : resolve(undefined),
      );
      return file ? [{ file, path }] : [];
    }
    const entries = await entriesOf(entry);
    entries.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
    const found: DroppedFile[] = [];
    for (const each of entries) found.push(...(await filesOf(each, path)));
    return found;
  } catch {
    return [];
  }
}

async function entriesOf(entry: Entry): Promise<Entry[]> {
  const reader = entry.createReader?.();
  const all: Entry[] = [];
  // Browsers hand out a hundred at a time.
  for (;;) {
    const some = await new Promise<Entry[]>((resolve, reject) =>
      reader ? reader.readEntries(resolve, reject) : resolve([]),
    );
    if (!some.length) return all;
    all.push(...some);
  }
}

/** The files of an `<input type="file">`, with `webkitdirectory` those of a folder. */
export function chosen(list: FileList): DroppedFile[] {
  return [...list]
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .filter(({ path }) => meant(path));
}
