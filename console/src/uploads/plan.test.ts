import assert from "node:assert/strict";
import test from "node:test";
import { allSent, type Job, joined, named, next, openPart, planned, sentBytes, sizeFault, soonest } from "./plan.ts";

const MIB = 1024 ** 2;
const THREE = { uploadUrls: ["a", "b", "c"], partSize: 5 * MIB };

function job(id: string, phase: Job["phase"], more: Partial<Job> = {}): Job {
  return { id, phase, notBefore: 0, ...more };
}

test("one PUT is joined without parts", () => {
  const plan = planned(10, { uploadUrl: "u" });
  assert.deepEqual(plan.parts, [{ number: 1, from: 0, to: 10, url: "u", state: "open" }]);
  assert.deepEqual(joined(plan), {});
});

test("parts that arrived whole are not sent again", () => {
  const arrived = [
    { part_number: 1, etag: "one", size: 5 * MIB },
    { part_number: 2, etag: "two", size: 3 },
    { part_number: 3, etag: "three", size: MIB },
  ];
  const plan = planned(11 * MIB, THREE, arrived);
  assert.deepEqual(
    plan.parts.map(({ state }) => state),
    ["sent", "open", "sent"],
  );
  assert.equal(sentBytes(plan), 6 * MIB);
  const part = openPart(plan);
  assert.equal(part?.number, 2);
  assert.equal(allSent(plan), false);
  if (part) Object.assign(part, { state: "sent", etag: "again" });
  assert.equal(allSent(plan), true);
  assert.deepEqual(
    joined(plan).parts?.map(({ etag }) => etag),
    ["one", "again", "three"],
  );
});

test("a file that is not as long as announced", () => {
  assert.deepEqual(
    planned(4 * MIB, THREE).parts.map(({ from, to }) => [from, to]),
    [[0, 4 * MIB]],
  );
  assert.equal(planned(20 * MIB, THREE).parts.at(-1)?.to, 20 * MIB);
});

test("what is nearly done goes first, then what is there, and records are made ahead of it", () => {
  const sending = job("s", "sending", { plan: planned(11 * MIB, THREE) });
  const first = next([job("n", "new"), sending, job("c", "complete")], 1);
  assert.deepEqual(first, { kind: "complete", id: "c" });
  assert.deepEqual(next([sending, job("n", "new"), job("m", "new")], 1), { kind: "create", ids: ["n", "m"] });
  assert.equal(next([sending, job("n", "new"), job("x", "creating")], 1)?.kind, "send");
  const many = Array.from({ length: 8 }, (_, index) =>
    job(`${index}`, "sending", { plan: planned(1, { uploadUrl: "u" }) }),
  );
  assert.equal(next([...many, job("n", "new")], 1)?.kind, "send");
});

test("one call creates a hundred at most, or fewer", () => {
  const jobs = Array.from({ length: 300 }, (_, index) => job(`${index}`, "new"));
  const work = next(jobs, 1);
  assert.equal(work?.kind === "create" && work.ids.length, 100);
  const fewer = next(jobs, 1, 3);
  assert.equal(fewer?.kind === "create" && fewer.ids.length, 3);
});

test("what waits is not begun, and it is known until when", () => {
  const jobs = [job("a", "new", { notBefore: 50 }), job("b", "resume", { notBefore: 20 }), job("c", "settled")];
  assert.equal(next(jobs, 10), undefined);
  assert.equal(soonest(jobs, 10), 20);
  assert.deepEqual(next(jobs, 20), { kind: "resume", id: "b" });
});

test("names as the server takes them", () => {
  assert.deepEqual(named("Photo.JPG", ""), { name: "Photo.JPG", type: "jpg" });
  assert.deepEqual(named("image", "image/png"), { name: "image.png", type: "png" });
  assert.deepEqual(named("README", ""), { name: "README", type: "" });
  const long = named(`${"a".repeat(400)}.webp`, "");
  assert.equal(long.name.length, 300);
  assert.ok(long.name.endsWith(".webp"));
});

test("sizes that are refused for sure", () => {
  assert.equal(sizeFault(0), "empty");
  assert.equal(sizeFault(2 ** 31), undefined);
  assert.equal(sizeFault(2 ** 31 + 1), "too_large");
});
