import type { TaskItem } from "./model.ts";

/** A task for tests. */
export function task(id: string, more: Partial<TaskItem> = {}): TaskItem {
  const second = Number(id) % 60;
  const at = `2026-01-10T12:00:${String(second).padStart(2, "0")}Z`;
  return {
    task_id: id,
    status: "Pending",
    state: "queued",
    operations: ["upscale"],
    file_ids: ["7"],
    input_names: ["cat.png"],
    progress: 0,
    credits: 1,
    created_at: at,
    updated_at: at,
    status_url: "",
    result_url: "",
    priority: 0,
    notice_count: 0,
    sequence: 1,
    ...more,
  };
}
