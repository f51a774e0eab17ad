import { type Backoff, mayPass, Retries } from "./backoff.ts";
import { attempt, unreachable } from "./calls.ts";
import { ConnectionFailed, type DarkroomFailure, InvalidRequest, NotFound, StorageError, secondsIn } from "./errors.ts";

/** How long no byte may move until a transfer is given up: a connection that is gone does not always say so. */
const STANDSTILL_SECONDS = 90;
/** A PUT by `fetch`, which does not say how far it is: 5 MiB at 20 kB/s. */
const PUT_SECONDS = 300;

type Tell = (loaded: number) => void;
type Sent = { status: number; etag: string | null; retryAfter: string | null };

/** Transfers to and from presigned URLs. Failed ones are repeated according to the backoff. */
export class Transfers {
  readonly #backoff: Backoff;
  readonly #fetch: typeof fetch;

  constructor(backoff: Backoff, fetchWith: typeof fetch) {
    this.#backoff = backoff;
    this.#fetch = fetchWith;
  }

  /** PUT bytes; returns the ETag. Browsers say how much of it has gone, others when all of it has. */
  async put(url: string, bytes: Blob | Uint8Array<ArrayBuffer>, signal: AbortSignal | undefined, tell: Tell): Promise<string> {
    const size = bytes instanceof Blob ? bytes.size : bytes.byteLength;
    const retries = new Retries(this.#backoff);
    for (;;) {
      try {
        const sent = await (typeof XMLHttpRequest === "undefined"
          ? attempt(signal, PUT_SECONDS, (both) => this.#put(url, bytes, both))
          : putWithProgress(url, bytes, signal, tell));
        if (sent.status < 300) {
          tell(size);
          return (sent.etag ?? "").replaceAll('"', "");
        }
        throw refused("PUT", sent.status, sent.retryAfter);
      } catch (failure) {
        tell(0);
        if (!passing(failure)) throw failure;
        await retries.wait(failure, signal);
      }
    }
  }

  /** GET: the bytes as they come. A broken transfer goes on where it stopped, if the stored object is still the same. */
  async *get(url: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const retries = new Retries(this.#backoff);
    let received = 0;
    let etag = "";
    for (;;) {
      const stop = new AbortController();
      try {
        const headers: Record<string, string> = received && etag ? { range: `bytes=${received}-`, "if-range": etag } : {};
        const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
        const response = await still(this.#fetch(url, { headers, signal: both, cache: "no-store" }), stop);
        if (!response.ok) throw refused("GET", response.status, response.headers.get("retry-after"));
        if (received && response.status !== 206)
          throw new StorageError("The file has changed during the transfer.", { errorCode: "storage" });
        etag ||= response.headers.get("etag") ?? "";
        const reader = (response.body as ReadableStream<Uint8Array>).getReader();
        for (;;) {
          const { done, value } = await still(reader.read(), stop);
          if (done) return;
          received += value.byteLength;
          retries.reset();
          yield value;
        }
      } catch (cause) {
        signal?.throwIfAborted();
        const failure = stop.signal.aborted ? new ConnectionFailed("The transfer stands still.", { cause }) : unreachable(cause);
        if (!passing(failure)) throw failure;
        await retries.wait(failure, signal);
      } finally {
        stop.abort();
      }
    }
  }

  async #put(url: string, body: Blob | Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Sent> {
    const response = await this.#fetch(url, { method: "PUT", body, signal });
    await response.text();
    return { status: response.status, etag: response.headers.get("etag"), retryAfter: response.headers.get("retry-after") };
  }
}

/** The same; if it takes too long, `stop` aborts. */
async function still<Result>(moving: Promise<Result>, stop: AbortController): Promise<Result> {
  const timer = setTimeout(() => stop.abort(), STANDSTILL_SECONDS * 1000);
  return moving.finally(() => clearTimeout(timer));
}

function passing(failure: unknown): failure is DarkroomFailure {
  return mayPass(failure) || (failure instanceof StorageError && [408, 429, 500, 502, 503, 504].includes(failure.status));
}

/** The error for what the storage answered. */
function refused(method: string, status: number, header: string | null): DarkroomFailure {
  const details = (errorCode: string) => ({ status, errorCode, retryAfter: secondsIn(header) });
  if (status === 404 && method === "PUT")
    return new NotFound("The upload has ended: its file was completed, deleted or given up.", details("upload_not_found"));
  if (status === 404) return new NotFound("The file's content is missing from the storage.", details("file_not_found"));
  if (status === 413) return new InvalidRequest("The file is larger than the server accepts.", details("file_too_large"));
  const expired = [400, 401, 403].includes(status);
  const message = expired ? `The storage refused the URL (HTTP ${status}); it may have expired.` : `The storage answered HTTP ${status}.`;
  return new StorageError(message, details(expired ? "url_expired" : "storage"));
}

/** `fetch` of browsers cannot say how much of a body has gone, so this is XMLHttpRequest. */
function putWithProgress(url: string, body: Blob | Uint8Array<ArrayBuffer>, signal: AbortSignal | undefined, tell: Tell): Promise<Sent> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const moved = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STANDSTILL_SECONDS * 1000);
    };
    const stop = () => request.abort();
    signal?.addEventListener("abort", stop);
    request.upload.addEventListener("progress", (event) => {
      moved();
      tell(event.loaded);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) return reject(signal.reason);
      if (request.status === 0) return reject(new ConnectionFailed("The transfer failed."));
      const { status } = request;
      // Pages may not read it everywhere, and a browser complains of the attempt.
      const retryAfter = status < 300 ? null : request.getResponseHeader("retry-after");
      resolve({ status, etag: request.getResponseHeader("etag"), retryAfter });
    });
    request.open("PUT", url);
    moved();
    request.send(body);
  });
}
