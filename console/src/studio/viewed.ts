import type { ResultFile } from "../runs/index.ts";
import type { ViewedFile } from "../viewer/files.ts";

/** A result for display and download; undefined once the server has deleted it. */
export function viewed(file: ResultFile): ViewedFile | undefined {
  return file.download_url ? { name: file.name ?? file.id, url: file.download_url, size: file.size } : undefined;
}
