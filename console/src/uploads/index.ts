export { chosen, dropped } from "./dropped.ts";
export { errorText } from "./errorText.ts";
export type { DroppedFile, LineState, Upload, UploadError, UploadState } from "./types.ts";
export { previewOf, uploads, useUpload, useUploadLine, useUploads } from "./uploads.ts";
