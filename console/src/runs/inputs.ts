import type { Upload } from "../uploads/types.ts";
import type { RunItem } from "./types.ts";

/** Marks what failed because its upload did, and goes on when that does. */
export const UPLOAD_FIELD = "upload";

/** An item as its uploads are now; the same object if nothing has changed. */
export function afterUploads(item: RunItem, uploadOf: (id: string) => Upload | undefined): RunItem {
  const failed = item.state === "failed" && item.error?.field === UPLOAD_FIELD;
  if (item.taskId || (item.state !== "uploading" && !failed)) return item;
  let share = 0;
  let error: RunItem["error"];
  const inputs = item.inputs.map((input) => {
    if (input.fileId || !input.uploadId) {
      share += 1;
      return input;
    }
    const upload = uploadOf(input.uploadId);
    if (upload?.state === "done") {
      share += 1;
      return { ...input, fileId: upload.fileId };
    }
    if (!upload) error ??= { message: "", reason: "upload_missing", field: UPLOAD_FIELD };
    else if (upload.state !== "waiting" && upload.state !== "sending") {
      error ??= { message: upload.error?.message ?? "", reason: upload.error?.reason ?? "", field: UPLOAD_FIELD };
    } else share += upload.size ? upload.sent / upload.size : 0;
    return input;
  });
  if (error) {
    const same = failed && item.error?.reason === error.reason && item.error.message === error.message;
    return same ? item : { ...item, state: "failed", error };
  }
  if (inputs.every(({ fileId }) => fileId)) return { ...item, inputs, state: "queued", progress: 0, error: undefined };
  const progress = share / inputs.length;
  if (progress === item.progress && !failed) return item;
  return { ...item, inputs, state: "uploading", progress, error: undefined };
}

/** Whether an item's task can be created. */
export function isReady({ state, taskId, inputs }: RunItem): boolean {
  return state === "queued" && !taskId && inputs.every(({ fileId }) => fileId);
}
