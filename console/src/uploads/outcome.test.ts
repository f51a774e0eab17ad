import assert from "node:assert/strict";
import test from "node:test";
import { after, backoff, blamed, type Failure, MOST_TRIES } from "./outcome.ts";

const kind = (failure: Partial<Failure>, tries = 1) =>
  after({ step: "send", status: 0, reason: "", message: "m", ...failure }, tries).kind;

test("nothing is ever given up for want of a network, or of a session", () => {
  assert.equal(kind({ status: 0 }, 1000), "line");
  assert.equal(kind({ status: 502 }, 1000), "line");
  assert.equal(kind({ step: "create", status: 401, reason: "api_key_invalid" }, 1000), "session");
  assert.deepEqual(after({ step: "create", status: 429, reason: "rate_limited", message: "", retryAfter: 7 }, 50), {
    kind: "line",
    afterMs: 7000,
  });
});

test("an expired URL leads to fresh ones", () => {
  assert.equal(kind({ status: 403 }), "resume");
  assert.equal(kind({ status: 400 }), "resume");
  assert.equal(kind({ status: 403 }, MOST_TRIES), "failed");
  assert.equal(kind({ status: 413 }), "failed");
});

test("what the server does not know any longer", () => {
  assert.equal(kind({ step: "resume", status: 400, reason: "upload_not_found" }), "check");
  assert.equal(kind({ step: "resume", status: 404, reason: "file_not_found" }), "anew");
  assert.equal(kind({ step: "complete", status: 400, reason: "upload_not_found" }), "anew");
});

test("missing parts are asked for, a bad file is refused, a full account is not the file's fault", () => {
  assert.equal(kind({ step: "complete", status: 400, reason: "field_invalid" }), "resume");
  assert.equal(kind({ step: "complete", status: 400, reason: "source_file_upload_not_completed" }), "resume");
  assert.equal(kind({ step: "complete", status: 400, reason: "file_corrupt" }), "refused");
  assert.equal(kind({ step: "create", status: 400, reason: "field_invalid" }), "refused");
  assert.equal(kind({ step: "create", status: 429, reason: "quota_exceeded" }), "failed");
  assert.equal(kind({ step: "create", status: 403, reason: "permission_denied" }), "failed");
});

test("troubles of the server pass, but not for ever", () => {
  assert.equal(kind({ step: "complete", status: 503, reason: "unavailable" }), "again");
  assert.equal(kind({ step: "create", status: 409, reason: "idempotency_in_progress" }), "again");
  assert.equal(kind({ step: "complete", status: 503, reason: "unavailable" }, MOST_TRIES), "failed");
});

test("waits grow, and differ", () => {
  assert.equal(backoff(1, 0), 500);
  assert.equal(backoff(1, 1), 1000);
  assert.equal(backoff(4, 1), 8000);
  assert.equal(backoff(50, 1), 30_000);
});

test("one file of a call may be to blame", () => {
  assert.equal(blamed("files[3].type", 5), 3);
  assert.equal(blamed("files[7].type", 5), undefined);
  assert.equal(blamed("upload_mode", 5), undefined);
  assert.equal(blamed(undefined, 5), undefined);
});
