import type { FormEntry } from "../forms/entries.ts";
import type { Texts } from "../i18n/texts.ts";

/** Names of formats, those that people know best first. */
const NAMES: Readonly<Record<string, string>> = {
  "image/jpeg": "JPEG",
  "image/png": "PNG",
  "image/webp": "WebP",
  "image/heic": "HEIC",
  "image/avif": "AVIF",
  "image/tiff": "TIFF",
  "image/gif": "GIF",
  "image/bmp": "BMP",
  "image/svg+xml": "SVG",
  "application/pdf": "PDF",
};
const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  image: Object.keys(NAMES).filter((type) => type.startsWith("image/")),
  pdf: ["application/pdf"],
  svg: ["image/svg+xml"],
  any: Object.keys(NAMES),
};
const EVERYTHING = ["image", "pdf"];

type Entry = Pick<FormEntry, "inputs" | "takes">;

/** The formats that an operation takes, by name; undefined: whatever Darkroom takes. "…": there are rarer ones. */
export function formatsOf(entry: Entry | undefined): string {
  const kinds = entry?.inputs.kinds ?? EVERYTHING;
  const types = new Set(entry?.takes?.length ? entry.takes : kinds.flatMap((kind) => BY_KIND[kind] ?? []));
  const names = Object.keys(NAMES).flatMap((type) => (types.has(type) ? (NAMES[type] ?? []) : []));
  const rarer = entry?.takes?.length
    ? types.size > names.length
    : kinds.some((kind) => kind === "image" || kind === "any");
  return [...names, ...(rarer ? ["…"] : [])].join(", ");
}

/** That a file is nothing for an operation, and what is. `title` is the operation's name; without one it is about Darkroom. */
export function unfitText(t: Texts, name: string, entry?: Entry, title?: string): string {
  const [kind = "any", ...others] = entry?.inputs.kinds ?? EVERYTHING;
  const not = others.length
    ? t.studio.not.any(name)
    : (t.studio.not[kind as keyof Texts["studio"]["not"]] ?? t.studio.not.any)(name);
  return `${not}${t.common.space}${t.studio.accepts(title ?? "Darkroom", formatsOf(entry))}`;
}
