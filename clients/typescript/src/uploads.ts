import { type Calls, newKey, path } from "./calls.ts";
import { type Content, contentOf, digestOf, extensionOf, type Source } from "./content.ts";
import { InvalidRequest, NotFound, StorageError } from "./errors.ts";
import type { Transfers } from "./transfer.ts";
import type { CreateOptions, FileRecord, Progress, Schemas } from "./types.ts";

const PARALLEL_PARTS = 4;
/** The fetch, and the examination of a large file. */
const IMPORT_SECONDS = 110;
/** Names the one file of a call in its reply. It is the same each time, as the body of a repeated call has to be. */
const NANOID = "the-file-of-this-call";

/** The state of an upload: its parts that have arrived. It can be kept as JSON, and given to `resumeUpload` by another process. */
export interface UploadState {
  fileId: string;
  size: number;
  partSize: number;
  /** The SHA-256 is of the part's bytes, so that parts of different files are never joined. */
  parts: { number: number; etag: string; sha256: string }[];
}

export interface UploadOptions extends CreateOptions {
  /** The file's name on the server, with an extension; by default that of the source. */
  name?: string | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Called when the upload has begun, and after each part. */
  onState?: ((state: UploadState) => void) | undefined;
}

type Target = Pick<Schemas["FileUploadItem"], "upload_url" | "upload_urls">;

/** Uploads, in parts, that resume where they were interrupted. */
export class Uploads {
  readonly #calls: Calls;
  readonly #transfers: Transfers;

  constructor(calls: Calls, transfers: Transfers) {
    this.#calls = calls;
    this.#transfers = transfers;
  }

  async upload(source: Source, options: UploadOptions): Promise<FileRecord> {
    const content = await contentOf(source, options.name);
    const { name, size } = content;
    const { items } = await this.#calls.call<Schemas["FileBatchCreateData"]>("POST", "/v1/files/batch-create", {
      body: { files: [{ nanoid: NANOID, name, type: extensionOf(name), size }], upload_mode: "auto" },
      idempotencyKey: options.idempotencyKey ?? newKey(),
      signal: options.signal,
    });
    const [item] = items as [Schemas["FileUploadItem"]];
    if (item.status === "Ready") {
      options.onProgress?.({ loaded: size, total: size });
      return this.#record(item.id, options);
    }
    const state = { fileId: item.id, size, partSize: item.part_size ?? 0, parts: [] };
    return this.#send(state, item, content, options);
  }

  async import(url: string, options: Omit<UploadOptions, "onProgress" | "onState">): Promise<FileRecord> {
    const { name, idempotencyKey = newKey(), signal } = options;
    return this.#calls.call("POST", "/v1/files/import", { body: { url, name }, idempotencyKey, signal, seconds: IMPORT_SECONDS });
  }

  async resume(state: UploadState, source: Source, options: UploadOptions): Promise<FileRecord> {
    const { fileId, size } = state;
    const record = await this.#record(fileId, options);
    if (record.status === "Ready") return record;
    const content = await contentOf(source, options.name ?? record.name);
    if (content.size !== size) throw changed(content);
    const resumed = await this.#resumed(fileId, options);
    if (!resumed) return this.#complete(fileId, [], options);
    const partSize = resumed.item.part_size ?? 0;
    const etags = new Map(resumed.parts.map(({ part_number, etag }) => [part_number, etag.replaceAll('"', "")]));
    const parts: UploadState["parts"] = [];
    for (const part of partSize === state.partSize ? state.parts : []) {
      if (!part.sha256 || etags.get(part.number) !== part.etag) continue;
      if (part.sha256 !== (await digestOf(await read(content, part.number, partSize)))) throw changed(content);
      parts.push(part);
    }
    return this.#send({ fileId, size, partSize, parts }, resumed.item, content, options);
  }

  /** Send what is missing. A slow upload may outlive its URLs: as long as parts arrive, new ones are asked for. */
  async #send(state: UploadState, first: Target, content: Content, options: UploadOptions): Promise<FileRecord> {
    let target = first;
    tellState(state, options);
    for (;;) {
      const before = state.parts.length;
      try {
        if (target.upload_urls?.length) await this.#putParts(target.upload_urls, state, content, options);
        else await this.#putWhole(target.upload_url ?? "", content, options);
        return await this.#complete(state.fileId, state.parts, options);
      } catch (failure) {
        // Another process may have completed it.
        if (failure instanceof NotFound && failure.errorCode === "upload_not_found") return this.#complete(state.fileId, [], options);
        const expired = failure instanceof StorageError && failure.errorCode === "url_expired";
        if (!expired || state.parts.length === before) throw failure;
      }
      const resumed = await this.#resumed(state.fileId, options);
      if (!resumed) return this.#complete(state.fileId, [], options);
      target = resumed.item;
    }
  }

  async #putWhole(url: string, content: Content, { signal, onProgress }: UploadOptions): Promise<void> {
    const tell = (loaded: number) => onProgress?.({ loaded, total: content.size });
    await this.#transfers.put(url, await content.read(0, content.size), signal, tell);
  }

  /** PUT the parts that have not arrived, several at a time; the first failure ends the others. */
  async #putParts(urls: readonly string[], state: UploadState, content: Content, options: UploadOptions): Promise<void> {
    const { size, partSize } = state;
    const moved = new Map(state.parts.map(({ number }) => [number, Math.min(partSize, size - (number - 1) * partSize)]));
    const missing = urls.map((url, index) => ({ url, number: index + 1 })).filter(({ number }) => !moved.has(number));
    const tell = (number: number, loaded: number) => {
      moved.set(number, loaded);
      options.onProgress?.({ loaded: [...moved.values()].reduce((sum, each) => sum + each, 0), total: size });
    };
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const work = async () => {
      for (let part = missing.shift(); part; part = missing.shift()) {
        const { number, url } = part;
        const bytes = await read(content, number, partSize);
        const [sha256, etag] = await Promise.all([
          digestOf(bytes),
          this.#transfers.put(url, bytes, signal, (loaded) => tell(number, loaded)),
        ]);
        state.parts.push({ number, etag, sha256 });
        tellState(state, options);
      }
    };
    const workers = Array.from({ length: PARALLEL_PARTS }, work);
    try {
      await Promise.all(workers);
    } catch (failure) {
      stop.abort();
      await Promise.allSettled(workers);
      throw failure;
    }
  }

  /** New URLs, and the parts that have arrived; undefined if the upload has ended. */
  async #resumed(fileId: string, { signal }: UploadOptions): Promise<Schemas["ResumedUpload"] | undefined> {
    try {
      return await this.#calls.call("POST", path`/v1/files/${fileId}/resume`, { body: {}, signal });
    } catch (failure) {
      if (failure instanceof NotFound && failure.errorCode === "upload_not_found") return undefined;
      throw failure;
    }
  }

  async #complete(fileId: string, arrived: UploadState["parts"], options: UploadOptions): Promise<FileRecord> {
    const parts = [...arrived].sort((one, other) => one.number - other.number);
    const body = parts.length ? { parts: parts.map(({ number, etag }) => ({ part_number: number, etag })) } : {};
    await this.#calls.call("POST", path`/v1/files/${fileId}/complete`, { body, signal: options.signal });
    return this.#record(fileId, options);
  }

  #record(fileId: string, { signal }: UploadOptions): Promise<FileRecord> {
    return this.#calls.call("GET", path`/v1/files/${fileId}`, { signal });
  }
}

/** The bytes of a part; they are numbered from 1. */
function read(content: Content, number: number, partSize: number): Promise<Blob | Uint8Array<ArrayBuffer>> {
  return content.read((number - 1) * partSize, Math.min(content.size, number * partSize));
}

function changed({ name }: Content): InvalidRequest {
  return new InvalidRequest(`${name} has changed since its upload began: upload it again from the start.`, {
    errorCode: "file_size_mismatch",
  });
}

/** The receiver may keep it: it does not change later. */
function tellState(state: UploadState, { onState }: UploadOptions): void {
  onState?.({ ...state, parts: [...state.parts] });
}
