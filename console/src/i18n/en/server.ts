import type { ServerTexts } from "../server.ts";

/** English: the server's texts. */
export const serverEn: ServerTexts = {
  error: () => undefined,
  notice: () => undefined,
  progress: () => undefined,
  delivery: () => undefined,
  detail: () => undefined,
};
