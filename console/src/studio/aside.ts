import { type Upload, uploads } from "../uploads/index.ts";

const aside = new Set<string>();

/** Upload an additional file, such as a new background. */
export async function besideTheOthers(file: File): Promise<Upload> {
  const [begun] = uploads.add([{ file, path: file.name }]);
  if (!begun) throw new Error(file.name);
  aside.add(begun.id);
  const done = await uploads.whenDone(begun.id);
  // The file stays at the server.
  uploads.remove(begun.id);
  return done;
}

/** Whether an upload is one of these. */
export function isAside(upload: Upload): boolean {
  return aside.has(upload.id);
}
