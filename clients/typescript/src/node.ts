/** For Node, Deno and Bun: files of the disk by their paths. */
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, join, parse, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Client as AnyClient } from "./client.ts";
import type { Content, Source } from "./content.ts";
import { InvalidRequest } from "./errors.ts";
import type { CallOptions, Progress, ResultFile, Task } from "./types.ts";

export * from "./index.ts";

const LONGEST_NAME = 60;

export interface DownloadOptions extends CallOptions {
  /** Replaces the files' own names, but not a suffix that stands for another format. */
  name?: string | undefined;
  /** Replace files of the same name; otherwise the new file gets a number. */
  overwrite?: boolean | undefined;
  /** `loaded` and `total` of each file. */
  onProgress?: ((progress: Progress, name: string) => void) | undefined;
}

/** The client, for which a string that is no URL is a path. */
export class Client extends AnyClient {
  /**
   * Download the outputs of a task, or files by their ids, into a folder, which is created if necessary. Returns the paths. A file appears
   * under its name only when it is complete; a broken connection is resumed.
   */
  async download(files: Task | readonly string[], folder: string, options: DownloadOptions = {}): Promise<string[]> {
    const { signal, name, overwrite = false, onProgress } = options;
    const given =
      "task_id" in files ? await this.resultUrls(files, { signal }) : await Promise.all(files.map((id) => this.#described(id, signal)));
    await mkdir(folder, { recursive: true });
    const paths: string[] = [];
    for (const file of given) {
      const own = fitting(basename(file.name ?? file.id));
      const path = await freePath(join(folder, name ? nameFor(own, name) : own), overwrite);
      try {
        await this.#save(file, path, signal, onProgress);
      } catch (failure) {
        if (!overwrite) await rm(path, { force: true });
        throw failure;
      }
      paths.push(path);
    }
    return paths;
  }

  protected override async source(given: Source | string | URL): Promise<Source> {
    return typeof given === "string" || given instanceof URL ? contentAt(given instanceof URL ? fileURLToPath(given) : given) : given;
  }

  async #described(id: string, signal: AbortSignal | undefined): Promise<ResultFile> {
    const [record, download_url] = await Promise.all([this.getFile(id, { signal }), this.downloadUrl(id, { signal })]);
    return { id, name: record.name, size: record.size, download_url };
  }

  async #save(file: ResultFile, path: string, signal: AbortSignal | undefined, tell: DownloadOptions["onProgress"]): Promise<void> {
    const part = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
    const target = await open(part, "wx");
    let loaded = 0;
    try {
      for await (const bytes of this.stream(file, { signal })) {
        await target.write(bytes);
        loaded += bytes.byteLength;
        tell?.({ loaded, total: file.size ?? loaded }, basename(path));
      }
      await target.close();
      await rename(part, path);
    } catch (failure) {
      await target.close();
      await rm(part, { force: true });
      throw failure;
    }
  }
}

/** A file of the disk, to upload. It is opened for each part. */
export async function contentAt(path: string): Promise<Content> {
  const absolute = resolve(path);
  const { size } = await stat(absolute);
  return {
    name: basename(absolute),
    size,
    async read(start, end) {
      const file = await open(absolute);
      try {
        const bytes = new Uint8Array(end - start);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
        if (bytesRead < bytes.length)
          throw new InvalidRequest(`${absolute} shrank during the upload.`, { errorCode: "file_size_mismatch" });
        return bytes;
      } finally {
        await file.close();
      }
    },
  };
}

/** The path, or if that is taken, the same with `-1`, `-2` … before its suffix. An empty file reserves it. */
async function freePath(wanted: string, overwrite: boolean): Promise<string> {
  const { dir, name, ext } = parse(wanted);
  for (let number = 0; !overwrite; number += 1) {
    const path = number ? join(dir, `${name}-${number}${ext}`) : wanted;
    try {
      await (await open(path, "wx")).close();
      return path;
    } catch (failure) {
      if ((failure as { code?: string }).code !== "EEXIST") throw failure;
    }
  }
  return wanted;
}

function fitting(name: string): string {
  const { name: stem, ext } = parse(name);
  return [...stem].slice(0, LONGEST_NAME).join("") + ext;
}

function nameFor(own: string, wanted: string): string {
  return parse(wanted).ext.toLowerCase() === parse(own).ext.toLowerCase() ? wanted : parse(wanted).name + parse(own).ext;
}
