import type { ReactNode } from "react";
import { Link } from "wouter";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Data } from "../../ui/Data.tsx";
import { hasEnded, type TaskDetails } from "../model.ts";
import { Price } from "./Price.tsx";

/** Price, times and places. */
export function TaskFacts({ task }: { task: TaskDetails }) {
  const t = useTexts();
  const formats = useFormats();
  const charged = hasEnded(task.state) ? task.credits_charged : task.credits;
  const price = task.unchanged ? t.tasks.unchanged : <Price credits={charged} long />;
  const seconds =
    task.started_at && task.ended_at ? (Date.parse(task.ended_at) - Date.parse(task.started_at)) / 1000 : 0;
  const facts: [string, ReactNode][] = [
    [t.tasks.queue, task.queue_position !== undefined && <Queue task={task} />],
    [t.tasks.price, price],
    [t.common.created, formats.date(task.created_at)],
    [t.tasks.started, task.started_at && formats.date(task.started_at)],
    [t.tasks.ended, task.ended_at && formats.date(task.ended_at)],
    [t.tasks.took, seconds > 0 && formats.duration(seconds)],
    [t.tasks.attempts, task.attempts.length > 1 && t.tasks.attemptsOf(task.attempts.length, task.max_attempts)],
    [t.tasks.priority, task.priority !== 0 && formats.number(task.priority)],
    [t.tasks.deadline, task.deadline && formats.date(task.deadline)],
    [t.tasks.expiry, task.expires_at && formats.date(task.expires_at)],
    [t.tasks.partOf, task.batch_id && <Link href={`/batches/${task.batch_id}`}>{t.tasks.openBatch}</Link>],
    [t.tasks.webhook, task.webhook_url && <Data key="webhook">{task.webhook_url}</Data>],
    [t.tasks.id, <code key="id">{task.task_id}</code>],
  ];
  return (
    <dl className="task-rows">
      {facts
        .filter(([, fact]) => fact)
        .map(([name, fact]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
    </dl>
  );
}

function Queue({ task }: { task: TaskDetails }) {
  const t = useTexts();
  const formats = useFormats();
  const { queue_position = 0, estimated_wait_seconds: wait } = task;
  return (
    <>
      {t.tasks.inFront(queue_position)}
      {wait !== undefined && <div className="muted">{t.tasks.wait(formats.duration(Math.ceil(wait)))}</div>}
    </>
  );
}
