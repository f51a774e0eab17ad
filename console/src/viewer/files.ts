/** A file to show or to download. `url` is presigned: it needs no token, and answers as an attachment. */
export type ViewedFile = {
  name: string;
  url: string;
  mediaType?: string | undefined;
  /** Bytes. */
  size?: number | undefined;
};

/** Between two downloads: a browser takes them for one if they come at once. */
const BETWEEN_MS = 700;

/** Let the browser download a file. */
export function downloadFile(file: Pick<ViewedFile, "name" | "url">): void {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.name;
  link.rel = "noopener";
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
}

/** Several, one after the other. */
export async function downloadFiles(files: readonly Pick<ViewedFile, "name" | "url">[]): Promise<void> {
  for (const [index, file] of files.entries()) {
    if (index) await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    downloadFile(file);
  }
}
