import assert from "node:assert/strict";
import { test } from "node:test";
import { type Disk, distinct, type Lane, type System, troublesOf } from "./state.ts";

const lane = (more: Partial<Lane>): Lane => ({
  name: "neural",
  waiting: 0,
  delayed: 0,
  running: 0,
  slots: 2,
  free_slots: 2,
  workers: 1,
  ...more,
});
const disk = (more: Partial<Disk>): Disk => ({
  part: "files",
  free: 500,
  total: 1000,
  reserve: 10,
  full: false,
  ...more,
});
const well: System = {
  read_at: "2026-11-01T00:00:00Z",
  parts: [{ name: "accounts", state: "ok", needs: [] }],
  lanes: [lane({})],
  workers: [{ name: "w1", state: "ok", lanes: [], needs: [], operations: [] }],
  models: [],
  disks: [disk({})],
  surfaces: [],
};

test("all is well", () => {
  assert.deepEqual(troublesOf(well), []);
});

test("what is wrong, services before workers", () => {
  const troubles = troublesOf({
    ...well,
    parts: [{ name: "tasks", state: "unreachable", needs: [] }],
    workers: [{ name: "w1", state: "silent", lanes: [], needs: [], operations: [] }],
    lanes: [lane({ slots: 0, waiting: 3 }), lane({ name: "text", slots: 0 })],
    disks: [disk({ full: true })],
  });
  assert.deepEqual(
    troubles.map(({ what, name }) => `${what} ${name}`),
    ["part tasks", "full files", "unserved neural", "worker w1"],
  );
});

test("one disk that two services look at is one", () => {
  const found = distinct([
    disk({ total: 1_000_000, free: 500_000 }),
    disk({ part: "tasks", total: 1_000_000, free: 499_990 }),
    disk({ part: "tasks", total: 2_000_000 }),
  ]);
  assert.deepEqual(
    found.map(({ parts }) => parts),
    [["files", "tasks"], ["tasks"]],
  );
});
