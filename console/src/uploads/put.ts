/** How long no byte may move until a request is given up: a connection that is gone does not always say so. */
const STANDSTILL_MS = 90_000;

export type PutReply = {
  /** 0 if there was no reply. */
  status: number;
  etag: string;
  retryAfter: number | undefined;
  text: string;
};

/** PUT bytes to a presigned URL. `fetch` cannot report progress, so this is `XMLHttpRequest`. Rejects if `signal` aborts. */
export function put(url: string, bytes: Blob, signal: AbortSignal, tell: (loaded: number) => void): Promise<PutReply> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout>;
    const moved = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STANDSTILL_MS);
    };
    const stop = () => {
      request.abort();
      reject(signal.reason);
    };
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      const retryAfter = Number(request.getResponseHeader("retry-after") ?? Number.NaN);
      resolve({
        status: request.status,
        etag: request.getResponseHeader("etag") ?? "",
        retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
        text: request.responseText,
      });
    };
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", stop);
    request.upload.addEventListener("progress", (event) => {
      moved();
      tell(event.loaded);
    });
    request.addEventListener("loadend", end);
    request.open("PUT", url);
    moved();
    request.send(bytes);
  });
}
