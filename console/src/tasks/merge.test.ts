import assert from "node:assert/strict";
import { test } from "node:test";
import { Latest } from "./latest.ts";
import { caughtUp, type TaskPages, withoutBatch, withoutTask, withTask } from "./merge.ts";
import { task } from "./testing.ts";

function pages(...lists: string[][]): TaskPages {
  const last = lists.length - 1;
  return {
    pages: lists.map((ids, index) => ({
      items: ids.map((id) => task(id)),
      ...(index < last && { next_page_token: `after ${index}` }),
    })),
    pageParams: lists.map((_, index) => (index ? `after ${index - 1}` : undefined)),
  };
}

const ids = (list: TaskPages) => list.pages.map((page) => page.items.map((item) => item.task_id));

test("a new task comes to the top", () => {
  assert.deepEqual(ids(withTask(pages(["3", "2"], ["1"]), task("4"), {})), [["4", "3", "2"], ["1"]]);
  assert.deepEqual(ids(withTask(pages([]), task("4"), {})), [["4"]]);
});

test("a task that was created before others comes between them", () => {
  assert.deepEqual(ids(withTask(pages(["9", "5"], ["3", "1"]), task("4"), {})), [
    ["9", "5"],
    ["4", "3", "1"],
  ]);
  assert.deepEqual(ids(withTask(pages(["9", "5"]), task("4"), {})), [["9", "5", "4"]]);
});

test("what is older than the pages that are loaded waits for its page", () => {
  const list = pages(["9", "5"], []);
  const open = { ...list, pages: list.pages.slice(0, 1), pageParams: [undefined] };
  assert.equal(withTask(open, task("4"), {}), open);
});

test("a newer state takes the place of an older one, not the other way round", () => {
  const list = withTask(pages(["2", "1"]), task("1", { state: "running", sequence: 5 }), {});
  assert.equal(list.pages[0]?.items[1]?.state, "running");
  assert.equal(withTask(list, task("1", { sequence: 4 }), {}), list);
});

test("a task that passes the filter no longer leaves the list", () => {
  const list = pages(["2", "1"]);
  const queued = { state: "queued" } as const;
  assert.deepEqual(ids(withTask(list, task("2", { state: "running", sequence: 2 }), queued)), [["1"]]);
  assert.equal(withTask(list, task("3", { state: "running" }), queued), list);
});

test("deleted tasks and batches go", () => {
  assert.deepEqual(ids(withoutTask(pages(["2", "1"]), "1")), [["2"]]);
  const list = withTask(pages(["2", "1"]), task("3", { batch_id: "8" }), {});
  assert.deepEqual(ids(withoutBatch(list, "8")), [["2", "1"]]);
});

test("tasks of the same instant are in the order of their numbers", () => {
  const at = "2026-01-10T12:00:00Z";
  const list: TaskPages = { pages: [{ items: [task("10", { created_at: at })] }], pageParams: [undefined] };
  assert.deepEqual(ids(withTask(list, task("9", { created_at: at }), {})), [["10", "9"]]);
});

test("items that came while a reply was under way are applied", () => {
  const latest = new Latest();
  latest.tell(task("1"));
  const mark = latest.mark();
  latest.tell(task("2"));
  latest.delete("3");
  latest.tell(task("1", { sequence: 2 }));
  assert.deepEqual(
    latest.told(mark).map(({ id, task: told }) => [id, told === "deleted" ? told : told.sequence]),
    [
      ["2", 1],
      ["3", "deleted"],
      ["1", 2],
    ],
  );
});

test("a reply gets the items that came while it was under way", () => {
  const page = { items: [task("2"), task("1")], next_page_token: "more" };
  const told = [
    { id: "2", task: task("2", { state: "running", sequence: 2 }) },
    { id: "1", task: "deleted" },
    { id: "3", task: task("3") },
  ] as const;
  const states = (list: typeof page) => list.items.map((item) => `${item.task_id} ${item.state}`);
  assert.deepEqual(states(caughtUp(page, told, {}, true) as typeof page), ["3 queued", "2 running"]);
  assert.deepEqual(states(caughtUp(page, told, {}, false) as typeof page), ["2 running"]);
});
