import { type KeyboardEvent, type MouseEvent, useRef } from "react";
import { useTexts } from "../../i18n/texts.ts";
import type { TaskItem } from "../model.ts";
import { TaskRow } from "./TaskRow.tsx";
import type { TaskActions } from "./useTaskActions.tsx";

/** The list of tasks. Arrow keys go from row to row; a click with Shift selects all rows from the last one that was selected. */
export function TaskTable({
  tasks,
  selected,
  onSelect,
  actions,
}: {
  tasks: readonly TaskItem[];
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  /** Undefined: the caller may only look. */
  actions: TaskActions | undefined;
}) {
  const t = useTexts();
  const last = useRef<string>(undefined);
  const chosen = tasks.filter(({ task_id }) => selected.has(task_id)).length;

  function select(id: string, event: MouseEvent) {
    const next = new Set(selected);
    const on = !selected.has(id);
    for (const one of event.shiftKey ? between(tasks, last.current, id) : [id]) {
      if (on) next.add(one);
      else next.delete(one);
    }
    last.current = id;
    onSelect(next);
  }

  return (
    <div className="table-wrap">
      <table className="table stack task-table" onKeyDown={moveFocus}>
        <caption className="hidden-visually">
          {t.tasks.list}. {t.tasks.keysHint}
        </caption>
        <thead>
          <tr>
            {actions && (
              <td className="task-check">
                <input
                  type="checkbox"
                  aria-label={t.tasks.selectAll}
                  checked={chosen > 0 && chosen === tasks.length}
                  ref={(box) => {
                    if (box) box.indeterminate = chosen > 0 && chosen < tasks.length;
                  }}
                  onChange={() => onSelect(new Set(chosen === tasks.length ? [] : tasks.map(({ task_id }) => task_id)))}
                />
              </td>
            )}
            <th scope="col">{t.tasks.files}</th>
            <th scope="col">{t.tasks.operations}</th>
            <th scope="col">{t.common.status}</th>
            <th scope="col">{t.tasks.age}</th>
            <th scope="col" className="end">
              {t.tasks.price}
            </th>
            {actions && (
              <td>
                <span className="hidden-visually">{t.common.actions}</span>
              </td>
            )}
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <TaskRow
              key={task.task_id}
              task={task}
              selected={selected.has(task.task_id)}
              onSelect={(event) => select(task.task_id, event)}
              actions={actions}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function between(tasks: readonly TaskItem[], from: string | undefined, to: string): string[] {
  const ids = tasks.map(({ task_id }) => task_id);
  const [one, other] = [ids.indexOf(from ?? to), ids.indexOf(to)];
  return one < 0 ? [to] : ids.slice(Math.min(one, other), Math.max(one, other) + 1);
}

/** From a control of a row to the same one of the row above or below. */
function moveFocus(event: KeyboardEvent<HTMLTableElement>): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const row = event.target instanceof Element && event.target.closest("tr");
  if (!step || !row || (event.target instanceof HTMLElement && event.target.getAttribute("aria-haspopup"))) return;
  const rows = [...event.currentTarget.rows];
  const next = rows[rows.indexOf(row) + step];
  const place = controls(row).indexOf(event.target as HTMLElement);
  const control = next && (controls(next)[place] ?? controls(next).at(-1));
  if (!control) return;
  event.preventDefault();
  control.focus();
}

function controls(row: Element): HTMLElement[] {
  return [...row.querySelectorAll<HTMLElement>("input, a, button")];
}
