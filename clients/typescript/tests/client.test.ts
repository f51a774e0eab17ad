// Run by tests/system/test_typescript_client.py in a fresh project that has the packed package, against a running stack.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import * as darkroom from "@darkroom/client/node";
import { Client, operations, type TaskEvent, TaskFailed, type UploadState, Webhook, WebhookRejected } from "@darkroom/client/node";

const URL_OF_STACK = process.env["DARKROOM_URL"] ?? "";
const KEY = process.env["DARKROOM_API_KEY"] ?? "";
const QUICK = { firstSeconds: 0.01, longestSeconds: 0.05 };
const client = new Client();

/** A picture of 12 MiB, three parts: a BMP of noise. */
function large(): Uint8Array<ArrayBuffer> {
  const side = 2048;
  const bytes = new Uint8Array(54 + side * side * 3);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  for (const [offset, value] of [
    [2, bytes.length],
    [10, 54],
    [14, 40],
    [18, side],
    [22, side],
  ] as const)
    view.setUint32(offset, value, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let at = 54, state = 1; at < bytes.length; at += 1) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    bytes[at] = state >> 16;
  }
  return bytes;
}

/** A `fetch` that counts its requests, and lets a test look at each before it goes. */
function watched(look: (url: string, init: RequestInit) => void = () => {}): { fetch: typeof fetch; seen: string[] } {
  const seen: string[] = [];
  const through: typeof fetch = (url, init = {}) => {
    seen.push(`${init.method ?? "GET"} ${new URL(String(url)).pathname}`);
    look(String(url), init);
    return fetch(url, init);
  };
  return { fetch: through, seen };
}

/** A proxy in front of the stack. `cut` says after how many chunks with events a reply breaks off; 0: before the first byte of any reply. */
async function proxy(
  of: TestContext,
  cut: (line: string) => number | undefined,
): Promise<{ url: string; lines: string[]; resumed: number[] }> {
  const lines: string[] = [];
  const resumed: number[] = [];
  const server = createServer((incoming, outgoing) => {
    const line = `${incoming.method} ${incoming.url}`;
    lines.push(line);
    if (line.includes("/events")) resumed.push(Number(incoming.headers["last-event-id"] ?? 0));
    const after = cut(line);
    const onward = request(URL_OF_STACK + incoming.url, { method: incoming.method, headers: incoming.headers }, (reply) => {
      if (after !== 0) outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      let events = 0;
      reply.on("data", (chunk: Buffer) => {
        if (after === 0 || events === after) return;
        if (chunk.includes("id:")) events += 1;
        // Once the client has it.
        outgoing.write(chunk, () => events === after && setTimeout(() => outgoing.destroy(), 50));
      });
      reply.on("end", () => (after === 0 ? outgoing.destroy() : outgoing.end()));
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  of.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines, resumed };
}

async function ids(): Promise<string[]> {
  const found = [];
  for await (const { task_id } of client.iterateTasks()) found.push(task_id);
  return found;
}

test("a picture from a path to results on the disk, with options by the operation's name", async () => {
  const sent: number[] = [];
  const events: TaskEvent[] = [];
  const options = {
    idempotencyKey: "mine",
    onUpload: ({ loaded }: { loaded: number }) => sent.push(loaded),
    onEvent: (event: TaskEvent) => events.push(event),
  };
  const task = await client.resize("portrait.jpg", { width: 40, height: 40, fit: "crop" }, options);
  assert.deepEqual([task.parameters[0]?.resize?.width, task.parameters[0]?.resize?.fit], [40, "FIT_CROP"]);
  assert.ok((sent.at(-1) ?? 0) > 1000);
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    events.map((_, index) => index + 1),
  );
  assert.equal(events.at(-1)?.status, "Succeeded");
  assert.equal(
    (await client.resize("portrait.jpg", { width: 40, height: 40, fit: "crop" }, { idempotencyKey: "mine" })).task_id,
    task.task_id,
  );
  const [first] = await client.download(task, "results");
  const [second] = await client.download(task, "results", { name: "square.png" });
  const [third] = await client.download(task, "results", { name: "square.png" });
  assert.deepEqual([second, third], ["results/square.jpg", "results/square-1.jpg"]);
  const { readFile } = await import("node:fs/promises");
  const bytes = await readFile(first ?? "");
  assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xd8]);
  const output = await client.read(task.output_file_ids[0] ?? "");
  assert.deepEqual(Buffer.from(await output.arrayBuffer()), bytes);
  const odd = await client.upload(new File([bytes], "a\\b\u202egnp.jpg"));
  assert.equal(odd.name, "a_b_gnp.jpg");
  // A result is an input, by its record.
  const [file] = await client.resultUrls(task);
  assert.ok(file);
  assert.equal((await client.rotate(file, { angle: 90 })).file_ids[0], file.id);
});

test("an upload in parts that was interrupted goes on from its saved state", async () => {
  const picture = large();
  let saved = "";
  const stop = new AbortController();
  const upload = client.upload(new Blob([picture]), {
    name: "large.bmp",
    signal: stop.signal,
    onState: (state) => {
      saved = JSON.stringify(state);
      if (state.parts.length) stop.abort(new Error("the machine sleeps"));
    },
  });
  await assert.rejects(upload, /the machine sleeps/);
  const state = JSON.parse(saved) as UploadState;
  assert.ok(state.parts.length >= 1 && state.parts.length < 3, saved);

  await assert.rejects(client.resumeUpload(state, picture.slice(1)), { errorCode: "file_size_mismatch" });
  const { fetch, seen } = watched();
  const progress: number[] = [];
  const another = new Client({ fetch });
  const file = await another.resumeUpload(state, picture, { onProgress: ({ loaded }) => progress.push(loaded) });
  assert.equal(file.id, state.fileId);
  assert.equal(file.status, "Ready");
  assert.equal(seen.filter((line) => line.startsWith("PUT")).length, 3 - state.parts.length);
  assert.equal(progress.at(-1), picture.length);
  assert.deepEqual(new Uint8Array(await (await client.read(file)).arrayBuffer()), picture);
  assert.equal((await client.resumeUpload(state, picture)).id, file.id);
});

test("a file that has changed since then is refused, and a part whose connection broke is sent again", async () => {
  const picture = large();
  let state: UploadState | undefined;
  const stop = new AbortController();
  const begun = client.upload(picture, {
    signal: stop.signal,
    onState: (now) => {
      state = now;
      if (now.parts.length) stop.abort();
    },
  });
  await assert.rejects(begun, { name: "AbortError" });
  assert.ok(state);
  await assert.rejects(client.resumeUpload(state, large().fill(7, 54)), { name: "InvalidRequest", errorCode: "file_size_mismatch" });
  let broken = 0;
  const { fetch, seen } = watched((_, { method }) => {
    if (method === "PUT" && !broken++) throw new TypeError("fetch failed");
  });
  const file = await new Client({ fetch, backoff: QUICK }).resumeUpload(state, picture);
  assert.equal(seen.filter((line) => line.startsWith("PUT")).length, 3 - state.parts.length + 1);
  assert.deepEqual(new Uint8Array(await (await client.read(file)).arrayBuffer()), picture);
});

test("a download goes on where its connection broke", async () => {
  const picture = large();
  const file = await client.upload(picture);
  const ranges: (string | null)[] = [];
  const breaking: typeof fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (!String(url).includes("X-Amz-Signature")) return response;
    ranges.push(new Headers(init?.headers).get("range"));
    if (ranges.length > 1) return response;
    let left = 3;
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => (left-- ? controller.enqueue(chunk) : controller.error(new TypeError("terminated"))),
    });
    return new Response(response.body?.pipeThrough(cut) ?? null, response);
  };
  const read = await new Client({ fetch: breaking, backoff: QUICK }).read(file);
  assert.equal(ranges.length, 2);
  assert.match(ranges[1] ?? "", /^bytes=[1-9]\d*-$/);
  assert.deepEqual(new Uint8Array(await read.arrayBuffer()), picture);
});

test("a pipeline is saved and run; a batch does the same for many files", async () => {
  const steps = [operations.resize({ width: 30 }), operations.convert({ format: "webp" })];
  const pipeline = await client.pipelines.create("web", steps);
  assert.deepEqual((await client.pipelines.get(pipeline.id)).operations, pipeline.operations);
  const task = await client.pipelines.run(pipeline, "portrait.jpg");
  assert.deepEqual(task.operations, ["resize", "convert"]);
  const file = await client.upload("portrait.jpg");
  assert.ok((await client.estimatePrice(steps, { file_ids: [file.id] })).credits >= 0);
  const created = await client.batches.create([[file.id], [file.id]], [], { pipelineId: pipeline.id });
  const batch = await client.batches.wait(created.batch?.batch_id ?? "", { onProgress: () => {} });
  assert.equal(batch.succeeded, 2);
  const tasks = [];
  for await (const each of client.batches.iterateTasks(batch.batch_id ?? "", { limit: 5 })) tasks.push(each);
  assert.equal(tasks.length, 2);
  const own = [];
  for await (const each of client.iterateTasks({ limit: 2 })) own.push(each);
  assert.equal(own.length, 2);
  await client.pipelines.delete(pipeline.id);
});

test("a stream of events that breaks is resumed without a gap", async (t) => {
  const cuts = [1, 1];
  const between = await proxy(t, (line) => (line.includes("/events") ? cuts.shift() : undefined));
  const through = new Client({ url: between.url, backoff: QUICK });
  const { task_id } = await through.createTask([], [operations.noop({ steps: 12, step_milliseconds: 100 })]);
  const sequences: number[] = [];
  for await (const { sequence } of through.watch(task_id)) sequences.push(sequence ?? 0);
  assert.deepEqual(
    sequences,
    sequences.map((_, index) => index + 1),
  );
  const [first, second, third] = between.resumed as [number, number, number];
  assert.ok(first === 0 && second > 0 && third > second, String(between.resumed));
});

test("where streams do not pass, the state is asked for", async (t) => {
  const between = await proxy(t, (line) => (line.includes("/events") ? 0 : undefined));
  const through = new Client({ url: between.url, backoff: QUICK });
  const events: TaskEvent[] = [];
  const task = await through.noop([], { steps: 2, step_milliseconds: 100 }, { onEvent: (event) => events.push(event) });
  assert.equal(task.status, "Succeeded");
  assert.deepEqual(
    events.map(({ sequence, status }) => [sequence, status]),
    [[undefined, "Succeeded"]],
  );
  assert.ok(between.lines.some((line) => line.includes("/status?wait=")));
});

test("a call whose reply was lost is repeated with its key, and creates nothing twice", async (t) => {
  let lost = 1;
  const between = await proxy(t, (line) => (line === "POST /v1/tasks" && lost-- > 0 ? 0 : undefined));
  const through = new Client({ url: between.url, backoff: QUICK });
  const before = await ids();
  const created = await through.createTask([], [operations.noop({ steps: 1 })]);
  assert.equal(between.lines.filter((line) => line === "POST /v1/tasks").length, 2);
  assert.deepEqual(
    (await ids()).filter((id) => !before.includes(id)),
    [created.task_id],
  );
  await client.wait(created.task_id);
});

test("cancelling ends the task, aborting ends the wait", async () => {
  const { task_id } = await client.createTask([], [operations.noop({ steps: 1000, step_milliseconds: 1000 })]);
  const stop = new AbortController();
  const waiting = client.wait(task_id, { signal: stop.signal, onEvent: () => stop.abort(new Error("enough")) });
  await assert.rejects(waiting, /enough/);
  assert.notEqual((await client.getTask(task_id)).status, "Failed");
  await client.cancelTask(task_id);
  const ended = await client.wait(task_id).then(
    () => assert.fail("it was cancelled"),
    (failure: unknown) => failure,
  );
  assert.ok(ended instanceof TaskFailed);
  assert.deepEqual([ended.errorCode, ended.task.task_id], ["cancelled", task_id]);
  await assert.rejects(client.cancelTask(task_id), darkroom.Conflict);
  await client.deleteTask(task_id);
  await assert.rejects(client.getTask(task_id), darkroom.NotFound);
});

test("errors are typed", async () => {
  const wrong = { resize: { width: 10, fit: "FIT_ROUND" } } as unknown as darkroom.Operation;
  const file = await client.upload("portrait.jpg");
  const refused = await client.createTask([file.id], [operations.upscale({ factor: 5 as 2 })]).catch((failure: unknown) => failure);
  assert.ok(refused instanceof darkroom.InvalidRequest && refused instanceof darkroom.ApiError);
  assert.deepEqual(
    [refused.status, refused.code, refused.errorCode, refused.field],
    [400, 40001, "field_invalid", "operations[0].upscale.factor"],
  );
  assert.deepEqual(refused.allowed, ["0", "2", "3", "4", "8"]);
  assert.match(refused.requestId ?? "", /.{8}/);
  await assert.rejects(client.createTask([file.id], [wrong]), darkroom.InvalidRequest);
  await assert.rejects(client.getTask("1"), (failure) => failure instanceof darkroom.NotFound && failure.errorCode === "task_not_found");
  await assert.rejects(client.getFile("../tasks/1"), darkroom.ApiError);
  await assert.rejects(new Client({ apiKey: "dk_sk_wrong" }).balance(), darkroom.Unauthenticated);
  await assert.rejects(client.upload("nowhere.jpg"), { code: "ENOENT" });
  await assert.rejects(client.upload(new Uint8Array([1, 2, 3])), { errorCode: "field_invalid", field: "name" });
  await assert.rejects(client.upload(new TextEncoder().encode("no picture"), { name: "a.jpg" }), darkroom.InvalidRequest);
  await assert.rejects(new Client({ url: "http://127.0.0.1:9", backoff: QUICK }).balance(), darkroom.ConnectionFailed);
  await assert.rejects(client.balance({ signal: AbortSignal.abort(new Error("not now")) }), /not now/);
});

test("an answer of Retry-After is heeded, and too many tasks are not waited for", async () => {
  const answers: [number, Record<string, string>, object][] = [
    [429, { "retry-after": "0" }, { code: 42901, message: "slow", data: { error_code: "rate_limited" } }],
    [503, {}, { code: 50300, message: "away", data: { error_code: "unavailable" } }],
    [200, {}, { code: 200, message: "success", data: { credits: 1 } }],
    [429, { "retry-after": "5" }, { code: 42900, message: "full", data: { error_code: "too_many_tasks" } }],
  ];
  let asked = 0;
  const answering: typeof fetch = async () => {
    const [status, headers, body] = answers[asked++] ?? assert.fail("one call too many");
    return Response.json(body, { status, headers });
  };
  const patient = new Client({ fetch: answering, backoff: QUICK });
  assert.deepEqual(await patient.balance(), { credits: 1 });
  await assert.rejects(patient.createTask(["1"]), (failure) => failure instanceof darkroom.TooManyTasks && failure.retryAfter === 5);
});

test("webhooks that the server has signed are verified, before and after a rotation", async () => {
  const { readFile } = await import("node:fs/promises");
  const { secrets, requests } = JSON.parse(await readFile("webhooks.json", "utf8")) as {
    secrets: [string, string];
    requests: { headers: Record<string, string>; body: string }[];
  };
  const [before, after] = requests;
  assert.ok(before && after);
  const event = await new Webhook(secrets[0]).verify(before.headers, before.body);
  assert.deepEqual([event.type, event.id], ["webhook.test", before.headers["webhook-id"]]);
  // After the rotation the server signs with both; a receiver may know either, or both.
  for (const secret of [secrets[0], secrets[1], secrets])
    await new Webhook(secret).check(new Headers(after.headers), new TextEncoder().encode(after.body));
  await assert.rejects(new Webhook(secrets[1]).verify(before.headers, before.body), WebhookRejected);
  await assert.rejects(new Webhook(secrets).verify(before.headers, `${before.body} `), WebhookRejected);
  await assert.rejects(new Webhook(secrets).verify({ ...before.headers, "webhook-timestamp": "1" }, before.body), /too old/);
  await assert.rejects(new Webhook(secrets).verify({}, before.body), /no header webhook-id/);
  const late = new Webhook(secrets, { clock: () => Date.now() / 1000 + 400, toleranceSeconds: 300 });
  await assert.rejects(late.verify(before.headers, before.body), /too old/);
  assert.throws(() => new Webhook("whsec_?"), /base64/);
});

test("signed URLs show pictures", async () => {
  const { key, secret } = await client.call<{ key: { id: string }; secret: string }>("POST", "/v1/picture-keys", {
    body: { name: "test" },
  });
  const urls = new darkroom.PictureUrls(URL_OF_STACK, key.id, secret);
  const photo = await client.upload("portrait.jpg");
  const expires = new Date(Date.now() + 3_600_000);
  const shown = await fetch(await urls.url(photo.id, "resize:width=32", { expires }), { headers: { accept: "image/webp" } });
  assert.deepEqual([shown.status, shown.headers.get("content-type")], [200, "image/webp"]);
  const refused = await fetch(await new darkroom.PictureUrls(URL_OF_STACK, key.id, "wrong").url(photo.id));
  assert.equal(refused.status, 403);
  await assert.rejects(urls.url(photo.id, "resize /"), TypeError);
});

test("without a server or a key, the client says so", () => {
  assert.throws(() => new Client({ url: "" }), /DARKROOM_URL/);
  assert.throws(() => new Client({ url: "example.com", apiKey: KEY }), /http:\/\//);
});
