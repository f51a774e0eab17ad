/** The server's instructions: where to send, and how the file is cut. */
export type Targets = { uploadUrl?: string; uploadUrls?: readonly string[]; partSize?: number };

export type Arrived = { part_number: number; etag: string; size: number };

export type Part = {
  number: number;
  from: number;
  to: number;
  url: string;
  etag?: string;
  state: "open" | "busy" | "sent";
};

/** How a file is sent: its parts, or one PUT, which has no number to be joined by. */
export type Plan = { single: boolean; parts: Part[] };

/** The most that one call creates; it takes up to 500. */
export const CREATED_AT_ONCE = 100;
/** So many files are created ahead of those that are being sent. */
const AHEAD = 8;
export const LARGEST_BYTES = 2 * 1024 ** 3;
const LONGEST_NAME = 300;

/** Cut a file of `size` bytes as the server said. Parts that have arrived whole are not sent again. */
export function planned(size: number, targets: Targets, arrived: readonly Arrived[] = []): Plan {
  const urls = targets.uploadUrls ?? [];
  if (!urls.length) {
    const url = targets.uploadUrl ?? "";
    return { single: true, parts: [{ number: 1, from: 0, to: size, url, state: "open" }] };
  }
  const step = targets.partSize || Math.ceil(size / urls.length);
  const parts: Part[] = [];
  for (const [index, url] of urls.entries()) {
    const from = index * step;
    // URLs may be left unused.
    if (from >= size) break;
    // A file that is larger than was announced has a longer last part.
    const to = index === urls.length - 1 ? size : Math.min(size, from + step);
    const there = arrived.find((part) => part.part_number === index + 1 && part.size === to - from);
    parts.push({ number: index + 1, from, to, url, etag: there?.etag, state: there ? "sent" : "open" });
  }
  return { single: false, parts };
}

export function sentBytes(plan: Plan): number {
  return plan.parts.reduce((sum, part) => sum + (part.state === "sent" ? part.to - part.from : 0), 0);
}

/** A part that nobody sends yet. */
export function openPart(plan: Plan): Part | undefined {
  return plan.parts.find((part) => part.state === "open");
}

export function allSent(plan: Plan): boolean {
  return plan.parts.every((part) => part.state === "sent");
}

/** The body of `complete`. */
export function joined(plan: Plan): { parts?: { part_number: number; etag: string }[] } {
  return plan.single
    ? {}
    : { parts: plan.parts.map(({ number, etag }) => ({ part_number: number, etag: etag ?? "" })) };
}

/** Where an upload is. `asking` covers one call about it, `sending` any number of parts. */
export type Job = {
  id: string;
  phase: "new" | "creating" | "resume" | "asking" | "sending" | "complete" | "check" | "settled";
  plan?: Plan;
  /** Not before this time. */
  notBefore: number;
};

export type Work =
  | { kind: "create"; ids: string[] }
  | { kind: "resume" | "complete" | "check"; id: string }
  | { kind: "send"; id: string; part: Part };

/** The next thing to do, of the jobs in their order; undefined if there is nothing to do now. Those that are nearly done come first. */
export function next(jobs: Iterable<Job>, now: number, atOnce: number = CREATED_AT_ONCE): Work | undefined {
  const fresh: string[] = [];
  let creating = false;
  let ahead = 0;
  let send: Work | undefined;
  for (const job of jobs) {
    if (job.phase === "creating") creating = true;
    if (job.phase === "sending" && job.plan?.parts.every((part) => part.state === "open")) ahead += 1;
    if (job.notBefore > now) continue;
    if (job.phase === "complete" || job.phase === "check" || job.phase === "resume")
      return { kind: job.phase, id: job.id };
    if (job.phase === "new" && fresh.length < atOnce) fresh.push(job.id);
    if (!send && job.phase === "sending" && job.plan) {
      const part = openPart(job.plan);
      if (part) send = { kind: "send", id: job.id, part };
    }
  }
  if (fresh.length && !creating && ahead < AHEAD) return { kind: "create", ids: fresh };
  return send;
}

/** When something may be done again, if everything waits. */
export function soonest(jobs: Iterable<Job>, now: number): number | undefined {
  let found: number | undefined;
  for (const job of jobs) {
    if (job.phase === "settled" || job.notBefore <= now) continue;
    found = Math.min(found ?? job.notBefore, job.notBefore);
  }
  return found;
}

const EXTENSIONS: Record<string, string> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/gif": "gif",
  "image/tiff": "tiff",
  "image/heic": "heic",
  "image/heif": "heif",
  "image/avif": "avif",
  "image/bmp": "bmp",
  "image/jxl": "jxl",
  "image/svg+xml": "svg",
  "application/pdf": "pdf",
  "video/mp4": "mp4",
  "video/webm": "webm",
  "video/quicktime": "mov",
};

/** The name under which a file is created, and its extension. A file that is pasted or dragged from a page may have none. */
export function named(name: string, type: string): { name: string; type: string } {
  const dot = name.lastIndexOf(".");
  const known = EXTENSIONS[type];
  const extension = dot > 0 ? name.slice(dot + 1) : (known ?? "");
  const stem = (dot > 0 ? name.slice(0, dot) : name) || "file";
  return {
    name: extension
      ? `${stem.slice(0, LONGEST_NAME - extension.length - 1)}.${extension}`
      : stem.slice(0, LONGEST_NAME),
    type: extension.toLowerCase(),
  };
}

/** Why the server would refuse a file of this size for sure. */
export function sizeFault(size: number): "empty" | "too_large" | undefined {
  if (size === 0) return "empty";
  return size > LARGEST_BYTES ? "too_large" : undefined;
}
