import type { FormEntry } from "../forms/entries.ts";
import type { Texts } from "../i18n/texts.ts";
import { kindOf } from "./fitting.ts";

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
  "video/mp4": "MP4",
  "video/webm": "WebM",
  "video/quicktime": "MOV",
  "application/pdf": "PDF",
};
const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  image: Object.keys(NAMES).filter((type) => type.startsWith("image/")),
  video: Object.keys(NAMES).filter((type) => type.startsWith("video/")),
  pdf: ["application/pdf"],
  svg: ["image/svg+xml"],
  any: Object.keys(NAMES),
};
const EVERYTHING = ["image", "video", "pdf"];

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

/**
 * That a file is nothing for an operation, and what is. `title` is the operation's name; without one it is about Darkroom. `still` is the
 * name of the step of a pipeline that takes no videos.
 */
export function unfitText(t: Texts, name: string, entry?: Entry, title?: string, still?: string): string {
  const said =
    kindOf(name) === "video" ? t.studio.isVideo(name, still) : notOf(t, entry?.inputs.kinds ?? EVERYTHING)(name);
  return `${said}${t.common.space}${t.studio.accepts(title ?? "Darkroom", formatsOf(entry))}`;
}

function notOf(t: Texts, kinds: readonly string[]): (name: string) => string {
  // An operation that works by frame takes both.
  const kind = kinds.length === 2 && kinds.includes("video") ? "moving" : kinds.length === 1 ? kinds[0] : "any";
  return t.studio.not[kind as keyof Texts["studio"]["not"]] ?? t.studio.not.any;
}
