// What users of @fal-ai/client write. Prints what it saw as one line of JSON.
import { createFalClient } from "@fal-ai/client";

const [base, credentials, picture] = process.argv.slice(2);
const fal = createFalClient({
  credentials,
  requestMiddleware: async (request) => ({
    ...request,
    url: request.url.replace("https://queue.fal.run", `${base}/fal/queue`).replace("https://fal.run", `${base}/fal/run`),
  }),
});
const cut = "darkroom/remove-background";
const noop = "darkroom/noop";
const long = { steps: 1000, step_milliseconds: 100 };
const refusal = (error) => [error.name, error.status, error.body?.error_type];
const said = {};

const updates = [];
const done = await fal.subscribe(cut, {
  input: { image_url: picture, quality: "fast" },
  logs: true,
  pollInterval: 50,
  onQueueUpdate: (update) => updates.push(update),
});
said.subscribed = [updates.at(-1).status, done.data.image.file_name, done.requestId === updates[0].request_id];
said.logs = updates.at(-1).logs.at(-1).message;

const queued = await fal.queue.submit(cut, { input: { image_url: picture, quality: "fast" }, priority: "low" });
const stream = await fal.queue.streamStatus(cut, { requestId: queued.request_id, logs: true });
const states = [];
for await (const state of stream) states.push(state.status);
said.streamed = [(await stream.done()).status, states.at(-1)];
said.status = (await fal.queue.status(cut, { requestId: queued.request_id })).status;
said.result = (await fal.queue.result(cut, { requestId: queued.request_id })).data.images.length;

said.followed = (await fal.subscribe(noop, { input: { steps: 2 }, mode: "streaming" })).data;
said.run = (await fal.run(noop, { input: { steps: "1" } })).data;
const bare = await fal.queue.submit(noop, {});
said.bare = bare.status;

const cancelled = await fal.queue.submit(noop, { input: long });
await fal.queue.cancel(noop, { requestId: cancelled.request_id });
said.cancelled = await fal.queue.result(noop, { requestId: cancelled.request_id }).catch(refusal);
said.cancelled_again = await fal.queue.cancel(noop, { requestId: cancelled.request_id }).catch(refusal);
said.refused = await fal.queue.submit("darkroom/upscale", { input: { factor: 2 } }).catch((error) => [error.name, error.fieldErrors]);
said.unknown = await fal.queue.submit("fal-ai/flux/dev", { input: {} }).catch(refusal);

console.log(JSON.stringify(said));
