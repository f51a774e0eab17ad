import { Ban, ExternalLink, MoreVertical, RotateCcw, Trash2 } from "lucide-react";
import type { MouseEvent } from "react";
import { Link, useLocation } from "wouter";
import { progressText, taskErrorText } from "../../i18n/said.ts";
import { useTexts } from "../../i18n/texts.ts";
import { IconButton } from "../../ui/Button.tsx";
import { Badge } from "../../ui/Feedback.tsx";
import { Menu, type MenuItem } from "../../ui/Menu.tsx";
import { hasEnded, namesOf, type TaskItem } from "../model.ts";
import { useOperationName } from "../operations.ts";
import { Age } from "./Age.tsx";
import { Price } from "./Price.tsx";
import { StateBadge, TaskProgress } from "./StateBadge.tsx";
import type { TaskActions } from "./useTaskActions.tsx";

/** Operations of a task that are named in a row. */
const MOST_NAMED = 4;

/** A task in the list. */
export function TaskRow({
  task,
  selected,
  onSelect,
  actions,
}: {
  task: TaskItem;
  selected: boolean;
  onSelect: (event: MouseEvent) => void;
  actions: TaskActions | undefined;
}) {
  const t = useTexts();
  const operationName = useOperationName();
  const name = namesOf(task, t.tasks.noFile);
  const done = task.operations.map(operationName);
  return (
    <tr aria-selected={selected || undefined} className={selected ? "selected" : undefined}>
      {actions && (
        <td className="task-check">
          <input type="checkbox" aria-label={t.tasks.select(name)} checked={selected} onClick={onSelect} readOnly />
        </td>
      )}
      <th scope="row" className="task-name" translate="no">
        <Link href={`/tasks/${task.task_id}`}>{name}</Link>
      </th>
      <td data-label={t.tasks.operations} className="task-operations">
        {done.slice(0, MOST_NAMED).join(" › ")}
        {done.length > MOST_NAMED && " › …"}
      </td>
      <td data-label={t.common.status}>
        <div className="task-state">
          <span className="row">
            <StateBadge state={task.state} />
            {task.notice_count > 0 && hasEnded(task.state) && <Badge>{t.tasks.notices(task.notice_count)}</Badge>}
          </span>
          <TaskProgress state={task.state} progress={task.progress} />
          {(task.message || task.error_message) && (
            <span className={task.error_message ? "task-message bad" : "task-message"}>
              {task.error_message ? taskErrorText(t, task) : progressText(t, task.message ?? "")}
            </span>
          )}
        </div>
      </td>
      <td data-label={t.tasks.age} className="task-age">
        <Age at={task.created_at} />
      </td>
      <td data-label={t.tasks.price} className="end task-age">
        {task.unchanged ? t.tasks.unchanged : <Price credits={task.credits} />}
      </td>
      {actions && (
        <td className="task-menu">
          <RowMenu task={task} name={name} actions={actions} />
        </td>
      )}
    </tr>
  );
}

function RowMenu({ task, name, actions }: { task: TaskItem; name: string; actions: TaskActions }) {
  const t = useTexts();
  const [, navigate] = useLocation();
  const ended = hasEnded(task.state);
  const items: MenuItem[] = [
    {
      key: "open",
      label: t.tasks.open,
      icon: <ExternalLink aria-hidden />,
      onSelect: () => navigate(`/tasks/${task.task_id}`),
    },
    {
      key: "rerun",
      label: t.tasks.rerun,
      icon: <RotateCcw aria-hidden />,
      onSelect: () => actions.start("rerun", [task]),
    },
    ended
      ? {
          key: "delete",
          label: t.tasks.delete,
          icon: <Trash2 aria-hidden />,
          danger: true,
          onSelect: () => actions.start("delete", [task]),
        }
      : {
          key: "cancel",
          label: t.tasks.cancel,
          icon: <Ban aria-hidden />,
          danger: true,
          onSelect: () => actions.start("cancel", [task]),
        },
  ];
  return (
    <Menu
      trigger={
        <IconButton label={t.tasks.actionsFor(name)} look="quiet" small>
          <MoreVertical aria-hidden />
        </IconButton>
      }
      items={items}
    />
  );
}
