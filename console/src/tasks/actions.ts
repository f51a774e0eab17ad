import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body, data, once, v1 } from "../api/client.ts";
import { keys } from "./keys.ts";
import { eachList, latest } from "./live.ts";
import { withoutTask } from "./merge.ts";
import { hasEnded, type State } from "./model.ts";

export type Action = "cancel" | "rerun" | "delete";
/** The facts about a task that an action needs. */
export type Target = { task_id: string; state: State };
export type Outcome = {
  action: Action;
  done: number;
  /** Ids of the tasks that were created. */
  created: string[];
  refused: { id: string; error: unknown }[];
};

/** How many calls are under way at once when something is done with many tasks. */
const AT_ONCE = 4;

export function can(action: Action, task: Target): boolean {
  return action === "rerun" ? true : action === "delete" ? hasEnded(task.state) : !hasEnded(task.state);
}

/** Cancels, runs again or deletes tasks. A refusal for one does not stop the others. */
export function useTaskAction() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ action, tasks }: { action: Action; tasks: readonly Target[] }): Promise<Outcome> => {
      const outcome: Outcome = { action, done: 0, created: [], refused: [] };
      const rest = tasks.filter((task) => can(action, task));
      async function work() {
        for (let task = rest.shift(); task; task = rest.shift()) {
          try {
            const created = await perform(action, task.task_id);
            if (created) outcome.created.push(created);
            if (action === "delete") {
              const id = task.task_id;
              latest.delete(id);
              eachList(queries, (pages) => withoutTask(pages, id));
            }
            outcome.done += 1;
          } catch (error) {
            outcome.refused.push({ id: task.task_id, error });
          }
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return outcome;
    },
    onSettled: async (_outcome, _error, { action }) => {
      await Promise.all([
        // The page of a task that was deleted must not ask for it again.
        queries.invalidateQueries({ queryKey: action === "delete" ? keys.lists : keys.tasks }),
        queries.invalidateQueries({ queryKey: keys.batches }),
      ]);
    },
  });
}

async function perform(action: Action, id: string): Promise<string | undefined> {
  const path = { id };
  if (action === "cancel") await data(v1.POST("/v1/tasks/{id}/cancel", { params: { path } }));
  if (action === "delete") await body(v1.DELETE("/v1/tasks/{id}", { params: { path } }));
  if (action !== "rerun") return undefined;
  return (await data(v1.POST("/v1/tasks/{id}/rerun", { params: { path }, body: {}, ...once() }))).task_id;
}
