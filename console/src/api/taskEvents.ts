import type { components } from "../../generated/v1.ts";
import type { StreamEvent } from "./events.ts";

export type TaskNow = components["schemas"]["TaskListItem"];

export type AccountEvent =
  /** A task that is new or has changed. It may come twice: of two, the one with the higher `sequence` is newer. */
  | { kind: "task"; task: TaskNow }
  | { kind: "deleted"; taskId?: string; batchId?: string }
  /** Something may have been missed: list again. It comes whenever a stream has begun again, so also once after the first listener. */
  | { kind: "list" };

/** Reads events of `GET /v1/events`, and knows after which of them something may have been missed. */
export class AccountEventReader {
  /** Whether the next connection can go on after an event, so that nothing is missed. */
  private goesOn = false;

  read({ id, name, data }: StreamEvent): AccountEvent | undefined {
    const began = name === "ready" && !this.goesOn;
    if (id) this.goesOn = true;
    if (began || name === "reset") return { kind: "list" };
    if (name === "message") return { kind: "task", task: JSON.parse(data) as TaskNow };
    if (name === "deleted") {
      const gone = JSON.parse(data) as { task_id?: string; batch_id?: string };
      return { kind: "deleted", taskId: gone.task_id, batchId: gone.batch_id };
    }
    return undefined;
  }
}
