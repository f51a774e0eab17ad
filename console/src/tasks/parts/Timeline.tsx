import { useFormats } from "../../i18n/format.ts";
import { progressText, taskErrorText } from "../../i18n/said.ts";
import { useTexts } from "../../i18n/texts.ts";
import type { TaskDetails } from "../model.ts";
import { type Entry, type Step, timeline } from "../timeline.ts";
import { StateBadge } from "./StateBadge.tsx";

/** So many steps are shown without asking. */
const FEW_STEPS = 6;

/** The history of a task, oldest first. */
export function Timeline({ task }: { task: TaskDetails }) {
  const entries = timeline(task);
  return (
    <ol className="task-timeline">
      {entries.map((entry, index) => (
        <TimelineEntry key={entry.key} entry={entry} before={entries[index - 1]} attempts={task.max_attempts} />
      ))}
    </ol>
  );
}

function TimelineEntry({ entry, before, attempts }: { entry: Entry; before: Entry | undefined; attempts: number }) {
  const t = useTexts();
  const formats = useFormats();
  const seconds = before ? (Date.parse(entry.at) - Date.parse(before.at)) / 1000 : 0;
  const attempt = entry.state === "running" && attempts > 1 ? t.tasks.attempt(entry.attempt, attempts) : undefined;
  const worker = entry.worker && t.tasks.worker(entry.worker);
  return (
    <li className={`task-entry ${entry.state}`}>
      <div className="row">
        <StateBadge state={entry.state} />
        <time dateTime={entry.at} title={formats.date(entry.at)}>
          {formats.time(entry.at)}
        </time>
        {seconds >= 0.1 && <span className="muted">{t.tasks.after(formats.duration(seconds))}</span>}
      </div>
      {(attempt || worker) && <p className="muted">{[attempt, worker].filter(Boolean).join(" ")}</p>}
      {(entry.errorMessage || entry.errorType) && (
        <p className="task-message bad">
          {taskErrorText(t, { error_type: entry.errorType, error_message: entry.errorMessage })}
        </p>
      )}
      {entry.steps.length > 0 && <Steps steps={entry.steps} />}
    </li>
  );
}

function Steps({ steps }: { steps: readonly Step[] }) {
  const t = useTexts();
  const list = (
    <ul className="task-steps">
      {steps.map((step) => (
        <StepLine key={`${step.at} ${step.message}`} step={step} />
      ))}
    </ul>
  );
  if (steps.length <= FEW_STEPS) return list;
  return (
    <details>
      <summary>{t.tasks.steps(steps.length)}</summary>
      {list}
    </details>
  );
}

function StepLine({ step }: { step: Step }) {
  const t = useTexts();
  const formats = useFormats();
  return (
    <li>
      <time dateTime={step.at}>{formats.time(step.at)}</time>
      <span>{progressText(t, step.message)}</span>
      {step.progress !== undefined && <span className="muted">{formats.percent(step.progress)}</span>}
    </li>
  );
}
