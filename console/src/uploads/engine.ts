import { data, once, v1 } from "../api/client.ts";
import { ApiError, withoutField } from "../api/errors.ts";
import { session } from "../api/session.ts";
import { after, backoff, blamed, type Failure, MOST_TRIES, type Step } from "./outcome.ts";
import {
  allSent,
  CREATED_AT_ONCE,
  type Job,
  joined,
  named,
  next,
  type Part,
  planned,
  sentBytes,
  soonest,
  type Work,
} from "./plan.ts";
import { put } from "./put.ts";
import { change, type Entry, entries, mine, setLine } from "./state.ts";

/** Requests at one time; browsers have six connections to a server, and the page needs some for itself. */
const MOST_REQUESTS = 4;
/** How often an upload that the server no longer knows is restarted. */
const MOST_CREATED = 3;
const FIRST_MS = 1000;

/** The shared state of all uploads: the number of failures in a row, and until when they wait. */
const line = { failures: 0, until: 0 };
let busy = 0;
let atOnce = CREATED_AT_ONCE;
let timer: ReturnType<typeof setTimeout> | undefined;

session.watch(() => pump());
// The network may be back, or the computer has woken up. `navigator.onLine` itself says nothing about a server on this machine.
for (const event of ["online", "focus"]) window.addEventListener(event, hurry);

function hurry(): void {
  line.until = 0;
  if (line.failures) for (const { job } of entries.values()) job.notBefore = 0;
  pump();
}

/** Begin whatever can be begun now. */
export function pump(): void {
  clearTimeout(timer);
  const now = Date.now();
  const open = [...entries.values()].filter((entry) => mine(entry) && entry.job.phase !== "settled");
  const signedOut = session.token === null || session.state.ended;
  if (!open.length || signedOut) {
    setLine(open.length ? "signed out" : "going");
    return;
  }
  if (line.until > now) {
    timer = setTimeout(pump, line.until - now);
    return;
  }
  const jobs = open.map(({ job }) => job);
  // While nothing comes through, one request tries it for all.
  while (busy < (line.failures ? 1 : MOST_REQUESTS)) {
    const work = next(jobs, now, atOnce);
    if (!work) break;
    busy += 1;
    void begin(work).finally(() => {
      busy -= 1;
      pump();
    });
  }
  const at = soonest(jobs, now);
  if (at !== undefined) timer = setTimeout(pump, at - now);
}

async function begin(work: Work): Promise<void> {
  if (work.kind === "create") return create(work.ids.flatMap((id) => entries.get(id) ?? []));
  const entry = entries.get(work.id);
  if (!entry) return;
  if (work.kind === "send") return send(entry, work.part);
  entry.job.phase = "asking";
  await attempt([entry], work.kind === "resume" ? "resume" : "complete", work.kind, () =>
    work.kind === "resume" ? resume(entry) : complete(entry, work.kind === "check"),
  );
}

/** Do something about uploads that share a call; if it fails, they are in `phase` again, or in whichever the failure leads to. */
async function attempt(
  some: readonly Entry[],
  step: Step,
  phase: Job["phase"],
  act: () => Promise<void>,
): Promise<void> {
  const began = some.map((entry) => ({ entry, signal: entry.stop.signal, plan: entry.job.plan }));
  try {
    await act();
    line.failures = 0;
    setLine("going");
  } catch (error) {
    // Uploads that have stopped, or already ask for fresh URLs, are not affected.
    const concerned = began.filter(
      ({ entry, signal, plan }) =>
        !signal.aborted && (step !== "send" || (entry.job.plan === plan && entry.job.phase === "sending")),
    );
    const there = concerned.map(({ entry }) => entry);
    for (const { job } of there) job.phase = phase;
    meet(there, failureOf(step, error), error instanceof ApiError ? error.field : undefined);
  }
}

function failureOf(step: Step, error: unknown): Failure {
  if (!(error instanceof ApiError)) return { step, status: 500, reason: "", message: String(error) };
  const { status, reason, retryAfter } = error;
  return { step, status, reason, message: withoutField(error), retryAfter };
}

async function create(some: readonly Entry[]): Promise<void> {
  for (const { job } of some) job.phase = "creating";
  await attempt(some, "create", "new", async () => {
    const files = some.map(({ upload }) => ({
      nanoid: upload.id,
      size: upload.size,
      ...named(upload.name, upload.type),
    }));
    const generation = some.reduce((sum, entry) => sum + entry.created, 0);
    const key = `${files[0]?.nanoid}.${files.at(-1)?.nanoid}.${files.length}.${generation}`;
    const { items } = await data(v1.POST("/v1/files/batch-create", { ...once(key), body: { files } }));
    atOnce = Math.min(CREATED_AT_ONCE, atOnce * 2);
    for (const item of items) {
      const entry = entries.get(item.nanoid);
      if (!entry) {
        // It was taken from the list meanwhile.
        void v1.POST("/v1/files/{id}/abort", { params: { path: { id: item.id } } });
        continue;
      }
      entry.created += 1;
      if (item.status === "Ready") {
        settle(entry, { state: "done", fileId: item.id, sent: entry.upload.size, error: undefined });
        continue;
      }
      const targets = { uploadUrl: item.upload_url, uploadUrls: item.upload_urls, partSize: item.part_size };
      entry.job.plan = planned(entry.upload.size, targets);
      entry.job.phase = "sending";
      change(entry, { fileId: item.id, error: undefined });
    }
  });
}

async function send(entry: Entry, part: Part): Promise<void> {
  const { file, job, stop } = entry;
  const plan = job.plan;
  if (!file || !plan) return;
  part.state = "busy";
  if (entry.upload.state !== "sending") change(entry, { state: "sending" });
  const tell = (loaded: number) => {
    entry.loading.set(part.number, loaded);
    showSent(entry);
  };
  await attempt([entry], "send", "sending", async () => {
    try {
      const reply = await put(part.url, file.slice(part.from, part.to), stop.signal, tell);
      if (reply.status < 200 || reply.status >= 300) {
        if (reply.status === 0 && !(await readable(file, part))) {
          unreadable(entry);
          return;
        }
        throw new ApiError(reply.status, `HTTP ${reply.status}`, { retryAfter: reply.retryAfter });
      }
      part.state = "sent";
      part.etag = reply.etag;
      entry.tries = 0;
    } finally {
      if (part.state === "busy") part.state = "open";
      entry.loading.delete(part.number);
      showSent(entry);
    }
    // An expired URL of another part may have led to fresh ones meanwhile.
    if (job.plan === plan && job.phase === "sending" && allSent(plan)) job.phase = "complete";
  });
}

function showSent(entry: Entry): void {
  const done = entry.job.plan ? sentBytes(entry.job.plan) : 0;
  const moving = [...entry.loading.values()].reduce((sum, loaded) => sum + loaded, 0);
  change(entry, { sent: Math.min(entry.upload.size, done + moving) });
}

/** A file that was moved or changed since cannot be read, which looks like a network that is gone. */
async function readable(file: File, part: Part): Promise<boolean> {
  return file
    .slice(part.from, part.from + 1)
    .arrayBuffer()
    .then(
      () => true,
      () => false,
    );
}

function unreadable(entry: Entry): void {
  entry.file = undefined;
  settle(entry, { state: "lost", error: { message: "", reason: "unreadable" } });
}

async function resume(entry: Entry): Promise<void> {
  const path = { id: entry.upload.fileId ?? "" };
  const { item, parts } = await data(v1.POST("/v1/files/{id}/resume", { params: { path } }));
  const targets = { uploadUrl: item.upload_url, uploadUrls: item.upload_urls, partSize: item.part_size };
  entry.job.plan = planned(entry.upload.size, targets, parts);
  entry.job.phase = allSent(entry.job.plan) ? "complete" : "sending";
  showSent(entry);
}

/** Join the parts, and have the file examined. */
async function complete(entry: Entry, check: boolean): Promise<void> {
  const path = { id: entry.upload.fileId ?? "" };
  const body = check || !entry.job.plan ? {} : joined(entry.job.plan);
  await data(v1.POST("/v1/files/{id}/complete", { params: { path }, body }));
  settle(entry, { state: "done", sent: entry.upload.size, error: undefined });
}

/** Do what a failure leads to. */
function meet(some: readonly Entry[], failure: Failure, field: string | undefined): void {
  const guilty = failure.step === "create" ? some[blamed(field, some.length) ?? -1] : undefined;
  const healthy = line.failures === 0;
  const shared = after(failure, 1);
  if (shared.kind === "line") wait(failure, shared.afterMs);
  for (const entry of guilty ? [guilty] : some) {
    const count = failure.step === "complete" ? "joins" : "tries";
    entry[count] += 1;
    const what = after(failure, entry[count]);
    if (what.kind === "line") {
      // Others go first: that nothing comes through may be for this one alone, which counts while others do.
      entry.job.notBefore = line.until + FIRST_MS;
      if (failure.status !== 0 || !healthy) entry[count] -= 1;
      else if (entry[count] >= MOST_TRIES) {
        const { message, reason } = failure;
        settle(entry, { state: "failed", error: { message, reason: reason || "unreachable" } });
      }
    }
    if (what.kind === "session") entry[count] -= 1;
    if (what.kind === "again") entry.job.notBefore = Date.now() + what.afterMs;
    if (what.kind === "resume" || what.kind === "check") entry.job.phase = what.kind;
    if (what.kind === "anew") anew(entry, failure);
    if (what.kind === "failed" || what.kind === "refused") {
      // A call for many is refused as a whole: fewer may be accepted.
      if (failure.step === "create" && some.length > 1 && !guilty) atOnce = Math.max(1, Math.floor(some.length / 2));
      else settle(entry, { state: what.kind, error: what.error });
    }
  }
}

/** Nothing comes through: all uploads wait. */
function wait({ status }: Failure, afterMs: number | undefined): void {
  const now = Date.now();
  // Requests that were on their way together fail together, which is one failure.
  if (line.until > now && afterMs === undefined) return;
  line.failures += 1;
  line.until = now + (afterMs ?? backoff(line.failures));
  setLine(status === 429 ? "slowed" : "offline");
}

function anew(entry: Entry, { message, reason }: Failure): void {
  if (entry.created >= MOST_CREATED) {
    settle(entry, { state: "failed", error: { message, reason } });
    return;
  }
  entry.job.plan = undefined;
  entry.job.phase = "new";
  change(entry, { fileId: undefined, sent: 0 });
}

/** Nothing more happens to it by itself. */
function settle(entry: Entry, patch: Parameters<typeof change>[1]): void {
  entry.job.phase = "settled";
  entry.job.notBefore = 0;
  // Other parts of it that are on their way are of no use.
  if (patch.state !== "done") {
    entry.stop.abort();
    entry.stop = new AbortController();
  }
  change(entry, patch);
}

/** Go on with an upload whose bytes are there. */
export function go(entry: Entry): void {
  const { upload, job } = entry;
  Object.assign(entry, { tries: 0, joins: 0, created: 0 });
  Object.assign(job, { phase: upload.fileId ? "resume" : "new", notBefore: 0, plan: undefined });
  change(entry, { state: "waiting", error: undefined });
}
