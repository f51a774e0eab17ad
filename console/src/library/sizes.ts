import type { Texts } from "../i18n/texts.ts";
import type { LibraryFile } from "./keeping.ts";

const SECOND_MS = 1000;
/** The type of pictures whose frames are pages. */
const PAGED = "image/tiff";

/** Whether it is an animation or a video. */
export function moves(file: LibraryFile): boolean {
  return file.media_type.startsWith("video/") || ((file.frames ?? 1) > 1 && file.media_type !== PAGED);
}

/** How large what is in a file is: pixels, with how long a video or how many frames an animation has, or pages; undefined for what has none. */
export function sizeOf(file: LibraryFile, t: Texts, number: (value: number) => string): string | undefined {
  if (file.pages) return t.library.pages(file.pages);
  if (!file.width || !file.height) return undefined;
  const pixels = `${file.width} × ${file.height}`;
  if (file.duration_milliseconds)
    return `${pixels} · ${t.library.seconds(number(Math.round(file.duration_milliseconds / (SECOND_MS / 10)) / 10))}`;
  if (!file.frames || file.frames === 1) return pixels;
  const parts = file.media_type === PAGED ? t.library.pages(file.frames) : t.library.frames(number(file.frames));
  return `${pixels} · ${parts}`;
}
