export type ViewKind = "picture" | "video" | "pdf" | "text" | "json" | "archive" | "other";

const BY_EXTENSION: Readonly<Record<string, ViewKind>> = {
  pdf: "pdf",
  json: "json",
  txt: "text",
  md: "text",
  csv: "text",
  xml: "text",
  log: "text",
  zip: "archive",
  ...Object.fromEntries(
    "avif bmp gif heic heif ico jpeg jpg jxl png svg tif tiff webp psd tga exr hdr dng cr2 nef orf rw2 arw"
      .split(" ")
      .map((extension) => [extension, "picture"]),
  ),
  ...Object.fromEntries(["mp4", "m4v", "webm", "mov"].map((extension) => [extension, "video"])),
};

/** How a file is shown, by its media type, or else by the extension of its name. */
export function viewKind(name: string, mediaType?: string): ViewKind {
  const type = mediaType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type.startsWith("image/")) return "picture";
  if (type.startsWith("video/")) return "video";
  if (type === "application/pdf") return "pdf";
  if (type === "application/json" || type.endsWith("+json")) return "json";
  if (type === "application/zip" || type === "application/x-zip-compressed") return "archive";
  if (type.startsWith("text/")) return "text";
  return BY_EXTENSION[extensionOf(name)] ?? "other";
}

export function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
}

/** Whether two kinds can be seen next to each other, as a picture and a video can. */
export function comparable(one: ViewKind, other: ViewKind): boolean {
  const seen = (kind: ViewKind) => (kind === "video" ? "picture" : kind);
  return seen(one) === seen(other) && (seen(one) === "picture" || one === "pdf");
}
