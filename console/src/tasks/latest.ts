import type { TaskItem } from "./model.ts";

const MOST_KEPT = 2000;

/**
 * The stream's last item about each task. A reply of the server may be older than the items that came while it was under way:
 * `told` says what must be put over the reply.
 */
export class Latest {
  #count = 0;
  readonly #tasks = new Map<string, { at: number; task: TaskItem | "deleted" }>();

  /** A point in time, for `told`. */
  mark(): number {
    return this.#count;
  }

  tell(task: TaskItem): void {
    this.#keep(task.task_id, task);
  }

  delete(id: string): void {
    this.#keep(id, "deleted");
  }

  /** Every item that came after `mark`, oldest first. */
  told(mark: number): { id: string; task: TaskItem | "deleted" }[] {
    return [...this.#tasks].filter(([, { at }]) => at > mark).map(([id, { task }]) => ({ id, task }));
  }

  #keep(id: string, task: TaskItem | "deleted"): void {
    this.#count += 1;
    // A map lists its keys in the order in which they were put in.
    this.#tasks.delete(id);
    this.#tasks.set(id, { at: this.#count, task });
    const oldest = this.#tasks.keys().next();
    if (this.#tasks.size > MOST_KEPT && !oldest.done) this.#tasks.delete(oldest.value);
  }
}
