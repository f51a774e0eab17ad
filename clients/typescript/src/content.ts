import { InvalidRequest } from "./errors.ts";

/** Bytes of known length that can be read in any order. */
export interface Content {
  name: string;
  size: number;
  /** The bytes from `start` to before `end`. */
  read(start: number, end: number): Promise<Blob | Uint8Array<ArrayBuffer>>;
}

/** A source of bytes to upload: a `File` or other `Blob`, bytes, or `Content` of your own. */
export type Source = Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | Content;

/**
 * An input of an operation: a source, a URL that the server fetches, or a file on the server, by its record or `{ id }`.
 * A string is a URL, `https://…`; for `Client` of `@darkroom/client/node` it is a path otherwise.
 */
export type Input = Source | URL | string | { id: string };
/** One input or several; an empty list for operations that need no file. */
export type Inputs = Input | readonly Input[];

const MAGIC: readonly [offset: number, magic: string, extension: string][] = [
  [0, "\xff\xd8\xff", "jpg"],
  [0, "\x89PNG", "png"],
  [0, "%PDF", "pdf"],
  [0, "GIF8", "gif"],
  [8, "WEBP", "webp"],
  [4, "ftypavif", "avif"],
  [4, "ftyphei", "heic"],
  [4, "ftyphev", "heic"],
  [4, "ftypmif1", "heif"],
  [4, "ftypmsf1", "heif"],
  [4, "ftypqt  ", "mov"],
  [4, "ftyp", "mp4"],
  [0, "\x1aE\xdf\xa3", "webm"],
  [0, "II*\0", "tif"],
  [0, "MM\0*", "tif"],
  [0, "BM", "bmp"],
  [0, "8BPS", "psd"],
];

/** The source, ready to be read. Throws InvalidRequest if it has no name and its type cannot be determined. */
export async function contentOf(source: Source, name?: string): Promise<Content> {
  const blob = source instanceof Uint8Array || source instanceof ArrayBuffer ? new Blob([source]) : source;
  if (!(blob instanceof Blob))
    return { name: name ?? (await named(sendable(blob.name), blob)), size: blob.size, read: blob.read.bind(blob) };
  const content = { name: "", size: blob.size, read: async (start: number, end: number) => blob.slice(start, end) };
  return { ...content, name: name ?? (await named("name" in blob ? sendable(String(blob.name)) : "", content)) };
}

/** The name of a file as the server takes it: `_` replaces path separators, control characters, and those that turn text around. */
export function sendable(name: string): string {
  return name.replace(/[/\\\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "_");
}

/** The name with an extension, without which the server takes none. */
async function named(name: string, content: Omit<Content, "name">): Promise<string> {
  if (extensionOf(name)) return name;
  const head = await bytesOf(await content.read(0, Math.min(content.size, 16)));
  const text = String.fromCharCode(...head);
  const found = MAGIC.find(([offset, magic]) => text.startsWith(magic, offset));
  if (found) return `${name || "upload"}.${found[2]}`;
  throw new InvalidRequest("The type of this file cannot be determined: pass a `name` with an extension.", {
    errorCode: "field_invalid",
    field: "name",
  });
}

/** In lower case; empty if there is none. */
export function extensionOf(name: string): string {
  return /.\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
}

export async function bytesOf(part: Blob | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return part instanceof Blob ? new Uint8Array(await part.arrayBuffer()) : part;
}

/** The SHA-256, in hexadecimal digits; empty where there is no WebCrypto: pages without TLS. */
export async function digestOf(part: Blob | Uint8Array<ArrayBuffer>): Promise<string> {
  if (!globalThis.crypto?.subtle) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await bytesOf(part)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
