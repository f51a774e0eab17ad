import type { InfiniteData } from "@tanstack/react-query";
import { type Filters, passes } from "./filters.ts";
import type { TaskDetails, TaskItem } from "./model.ts";

export type TaskPageOfList = { items: TaskItem[]; next_page_token?: string };
export type TaskPages = InfiniteData<TaskPageOfList, string | undefined>;

/** The list with what is now known about a task. The same object if that changes nothing. */
export function withTask(pages: TaskPages, task: TaskItem, filters: Filters, now: Date = new Date()): TaskPages {
  const known = find(pages, task.task_id);
  if (known && known.sequence > task.sequence) return pages;
  if (!passes(task, filters, now)) return known ? withoutTask(pages, task.task_id) : pages;
  if (known) return mapped(pages, (items) => items.map((item) => (item.task_id === task.task_id ? task : item)));
  return inserted(pages, task);
}

export function withoutTask(pages: TaskPages, id: string): TaskPages {
  if (!find(pages, id)) return pages;
  return mapped(pages, (items) => items.filter((item) => item.task_id !== id));
}

export function withoutBatch(pages: TaskPages, batch: string): TaskPages {
  return mapped(pages, (items) => items.filter((item) => item.batch_id !== batch));
}

/** A page as the server replied, with the stream's items from while the reply was under way. Only the first page gets new tasks. */
export function caughtUp(
  page: TaskPageOfList,
  told: readonly { id: string; task: TaskItem | "deleted" }[],
  filters: Filters,
  first: boolean,
): TaskPageOfList {
  let pages: TaskPages = { pages: [page], pageParams: [undefined] };
  for (const { id, task } of told) {
    if (task === "deleted") pages = withoutTask(pages, id);
    else if (first || find(pages, id)) pages = withTask(pages, task, filters);
  }
  return pages.pages[0] ?? page;
}

/** Details with what an item of a list says newer. */
export function updated(details: TaskDetails, task: TaskItem): TaskDetails {
  if (details.sequence > task.sequence) return details;
  // Fields that the item leaves out no longer apply, such as the step of a task that has ended.
  const { progress: _, message: __, error_type: ___, error_message: ____, ...rest } = details;
  return { ...rest, ...task };
}

/** Newest first; ids decide which of two tasks of the same instant is newer. */
export function newestFirst(one: TaskItem, other: TaskItem): number {
  const difference = new Date(other.created_at).getTime() - new Date(one.created_at).getTime();
  if (difference) return difference;
  return one.task_id.length === other.task_id.length
    ? other.task_id.localeCompare(one.task_id)
    : other.task_id.length - one.task_id.length;
}

function find(pages: TaskPages, id: string): TaskItem | undefined {
  for (const page of pages.pages) {
    const item = page.items.find((candidate) => candidate.task_id === id);
    if (item) return item;
  }
  return undefined;
}

function mapped(pages: TaskPages, change: (items: TaskItem[]) => TaskItem[]): TaskPages {
  return { ...pages, pages: pages.pages.map((page) => ({ ...page, items: change(page.items) })) };
}

/** A task that is older than all that are shown comes with a later page. */
function inserted(pages: TaskPages, task: TaskItem): TaskPages {
  const last = pages.pages.length - 1;
  for (const [index, page] of pages.pages.entries()) {
    const place = page.items.findIndex((item) => newestFirst(task, item) < 0);
    const atEnd = place < 0 && index === last && !page.next_page_token;
    if (place < 0 && !atEnd) continue;
    const items = place < 0 ? [...page.items, task] : page.items.toSpliced(place, 0, task);
    return { ...pages, pages: pages.pages.with(index, { ...page, items }) };
  }
  return pages;
}
