import { type ReactNode, useState } from "react";
import { useTexts } from "../../i18n/texts.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { ErrorNote, messageOf, Note } from "../../ui/Feedback.tsx";
import { toast } from "../../ui/toasts.tsx";
import { type Action, can, type Outcome, type Target, useTaskAction } from "../actions.ts";

export type TaskActions = {
  /** Asks first where something is lost. */
  start: (action: Action, tasks: readonly Target[]) => void;
  busy: boolean;
  /** How many tasks the last action has created. */
  created: number;
  /** To be put into the page: the question, and what was refused. */
  dialog: ReactNode;
  problems: ReactNode;
};

/** Cancelling, running again and deleting, with the questions before and the news after. */
export function useTaskActions(onDone: (outcome: Outcome) => void = () => {}): TaskActions {
  const t = useTexts();
  const call = useTaskAction();
  const [asked, setAsked] = useState<{ action: Action; tasks: readonly Target[] }>();

  function go(action: Action, tasks: readonly Target[]) {
    setAsked(undefined);
    call.mutate(
      { action, tasks },
      {
        onSuccess: (outcome) => {
          if (outcome.done) toast(t.tasks.done[action](outcome.done));
          onDone(outcome);
        },
      },
    );
  }

  function start(action: Action, among: readonly Target[]) {
    const tasks = among.filter((task) => can(action, task));
    if (!tasks.length) return;
    const losesWork = action === "delete" || (action === "cancel" && tasks.length > 1);
    if (losesWork) setAsked({ action, tasks });
    else go(action, tasks);
  }

  const count = asked?.tasks.length ?? 0;
  const deletes = asked?.action === "delete";
  return {
    start,
    busy: call.isPending,
    created: call.data?.created.length ?? 0,
    dialog: asked && (
      <Confirm
        title={deletes ? t.tasks.deleting(count) : t.tasks.cancelling(count)}
        text={deletes ? t.tasks.deletingWhy : t.tasks.cancellingWhy}
        action={deletes ? t.tasks.deleteAll(count) : t.tasks.cancelAll(count)}
        onConfirm={() => go(asked.action, asked.tasks)}
        onClose={() => setAsked(undefined)}
      />
    ),
    problems: (
      <>
        <ErrorNote error={call.error} />
        {call.data?.refused.length ? <Refused refused={call.data.refused} /> : null}
      </>
    ),
  };
}

function Refused({ refused }: { refused: Outcome["refused"] }) {
  const t = useTexts();
  const only = refused.length === 1 ? refused[0] : undefined;
  if (only) return <ErrorNote error={only.error} />;
  const reasons = new Set(refused.map(({ error }) => messageOf(t, error)));
  return (
    <div role="alert">
      <Note tone="bad">
        {t.tasks.refused(refused.length)}
        <ul>
          {[...reasons].map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      </Note>
    </div>
  );
}
