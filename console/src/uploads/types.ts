/** A dropped or chosen file. */
export type DroppedFile = {
  file: File;
  /** Its path inside the folder that was dropped, or its name. */
  path: string;
};

export type UploadState =
  | "waiting"
  | "sending"
  | "done"
  /** It may be tried again. */
  | "failed"
  /** This file never works: its type, its size, or what is in it. */
  | "refused"
  /** The page was loaded again and the bytes are gone, until somebody drops the same file again. */
  | "lost";

export type UploadError = {
  message: string;
  /** As `ApiError.reason`; `empty`, `too_large`, `unreadable` and `lost` are found by the page itself, see `errorText`. */
  reason: string;
};

export type Upload = {
  id: string;
  name: string;
  path: string;
  size: number;
  /** Media type; empty if the browser knows none. */
  type: string;
  addedAt: number;
  state: UploadState;
  /** Bytes. */
  sent: number;
  /** The file's id at the server; it can be used once the state is `done`. */
  fileId?: string;
  error?: UploadError;
  /** An object URL of a picture or a video that the browser can show, once `previewOf` was asked for it. */
  preview?: string;
};

/** The reason that all uploads are paused. */
export type LineState = "going" | "offline" | "signed out" | "slowed";
