import { ArrowLeft, Ban, RotateCcw, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useLocation, useParams } from "wouter";
import { may, useMe } from "../api/me.ts";
import { progressText, taskErrorText } from "../i18n/said.ts";
import { useTexts } from "../i18n/texts.ts";
import type { RunInput } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { Note } from "../ui/Feedback.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import type { Outcome } from "./actions.ts";
import { useLiveTasks } from "./live.ts";
import { hasEnded, isWaiting, namesOf, type TaskDetails } from "./model.ts";
import { useOperationName } from "./operations.ts";
import { Inputs } from "./parts/Inputs.tsx";
import { Notices } from "./parts/Notices.tsx";
import { Parameters } from "./parts/Parameters.tsx";
import { Results } from "./parts/Results.tsx";
import { StateBadge, TaskProgress } from "./parts/StateBadge.tsx";
import { StreamBadge } from "./parts/StreamBadge.tsx";
import { TaskFacts } from "./parts/TaskFacts.tsx";
import { Timeline } from "./parts/Timeline.tsx";
import { type TaskActions, useTaskActions } from "./parts/useTaskActions.tsx";
import { WaitingFor } from "./parts/WaitingFor.tsx";
import { useTask } from "./queries.ts";
import "../styles/tasks.css";

/** Everything about one task, as it changes. */
export default function TaskPage() {
  const { id = "" } = useParams<{ id: string }>();
  return <OneTask key={id} id={id} />;
}

function OneTask({ id }: { id: string }) {
  const t = useTexts();
  useLiveTasks();
  const [, navigate] = useLocation();
  const operationName = useOperationName();
  const mayWrite = may(useMe(), "tasks:write");
  const task = useTask(id);
  const actions = useTaskActions(({ action, done, created }: Outcome) => {
    if (action === "delete" && done) navigate("/tasks", { replace: true });
    if (created[0]) navigate(`/tasks/${created[0]}`);
  });
  const title = task.data ? namesOf(task.data, t.tasks.noFile) : t.tasks.task;
  return (
    <Page
      title={title}
      data={task.data !== undefined}
      about={task.data?.operations.map(operationName).join(" › ")}
      actions={
        <>
          <StreamBadge />
          {task.data && mayWrite && <Actions task={task.data} actions={actions} />}
        </>
      }
    >
      <Link href="/tasks" className="task-back">
        <ArrowLeft aria-hidden />
        {t.tasks.tasksAgain}
      </Link>
      {actions.problems}
      <Loaded query={task}>{(details) => <Details task={details} />}</Loaded>
      {actions.dialog}
    </Page>
  );
}

function Actions({ task, actions }: { task: TaskDetails; actions: TaskActions }) {
  const t = useTexts();
  return (
    <>
      <Button onClick={() => actions.start("rerun", [task])} disabled={actions.busy}>
        <RotateCcw aria-hidden />
        {t.tasks.rerun}
      </Button>
      {hasEnded(task.state) ? (
        <Button look="danger" onClick={() => actions.start("delete", [task])} disabled={actions.busy}>
          <Trash2 aria-hidden />
          {t.tasks.delete}
        </Button>
      ) : (
        <Button look="danger" onClick={() => actions.start("cancel", [task])} disabled={actions.busy}>
          <Ban aria-hidden />
          {t.tasks.cancel}
        </Button>
      )}
    </>
  );
}

function Details({ task }: { task: TaskDetails }) {
  const t = useTexts();
  const hasNotices = task.notices.length > 0 || task.not_applied.length > 0;
  return (
    <div className="task-columns">
      <div className="task-column">
        <div className="card task-now" aria-live="polite">
          <StateBadge state={task.state} />
          {task.message && <span className="muted">{progressText(t, task.message)}</span>}
          <TaskProgress state={task.state} progress={task.progress} />
        </div>
        {isWaiting(task.state) && task.waiting_for && <WaitingFor waiting={task.waiting_for} />}
        {task.state === "failed" && (
          <section aria-label={t.tasks.wrong}>
            <Note tone="bad">{taskErrorText(t, task)}</Note>
          </section>
        )}
        {(task.state === "succeeded" || !hasEnded(task.state)) && (
          <Part title={t.tasks.results}>
            <Results task={task} />
          </Part>
        )}
        {hasNotices && (
          <Part title={t.tasks.aboutResult}>
            <Notices notices={task.notices} notApplied={task.not_applied} input={onlyInput(task)} />
          </Part>
        )}
        <Part title={t.tasks.timeline}>
          <Timeline task={task} />
        </Part>
      </div>
      <div className="task-column">
        <Part title={t.tasks.facts}>
          <TaskFacts task={task} />
        </Part>
        <Part title={t.tasks.parameters}>
          <Parameters parameters={task.parameters} />
        </Part>
        <Part title={t.tasks.inputs}>
          <Inputs inputs={task.inputs} />
        </Part>
      </div>
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="card task-part">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function onlyInput({ inputs: [input, ...others] }: TaskDetails): RunInput | undefined {
  return input && !others.length ? { fileId: input.file_id, name: input.name ?? "" } : undefined;
}
