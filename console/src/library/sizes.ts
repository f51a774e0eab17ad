import type { Texts } from "../i18n/texts.ts";
import type { LibraryFile } from "./keeping.ts";

/** How large what is in a file is: pixels or pages; undefined for what has neither. */
export function sizeOf(file: LibraryFile, t: Texts): string | undefined {
  if (file.width && file.height) return `${file.width} × ${file.height}`;
  return file.pages ? t.library.pages(file.pages) : undefined;
}
