import { ArrowLeft, RotateCcw } from "lucide-react";
import { useMemo, useState } from "react";
import { Link, useParams } from "wouter";
import { may, useMe } from "../api/me.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { ErrorNote, Loading, Note } from "../ui/Feedback.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { BatchState, batchTitle } from "./BatchesPage.tsx";
import { useLiveTasks } from "./live.ts";
import type { Batch } from "./model.ts";
import { useOperationName } from "./operations.ts";
import { useBatchActions } from "./parts/BatchActions.tsx";
import { BatchBar } from "./parts/BatchBar.tsx";
import { BatchGrid } from "./parts/BatchGrid.tsx";
import { StreamBadge } from "./parts/StreamBadge.tsx";
import { useTaskActions } from "./parts/useTaskActions.tsx";
import { MOST_IN_BATCH, tasksOf, useBatch, useBatchOutputs, useTaskList } from "./queries.ts";
import { counts, type Tile, tiles } from "./tiles.ts";
import "../styles/tasks.css";
import "../styles/batches.css";

type Shown = keyof ReturnType<typeof counts>;

/** A batch with all its tasks, as they change. */
export default function BatchPage() {
  const { id = "" } = useParams<{ id: string }>();
  return <OneBatch key={id} id={id} />;
}

function OneBatch({ id }: { id: string }) {
  const t = useTexts();
  useLiveTasks();
  const operationName = useOperationName();
  const batch = useBatch(id);
  const { buttons, news } = useBatchActions(id, batch.data);
  return (
    <Page
      title={batch.data ? batchTitle(batch.data, t.batches) : t.batches.one}
      about={batch.data?.operations.map(operationName).join(" › ")}
      actions={
        <>
          <StreamBadge />
          {buttons}
        </>
      }
    >
      <Link href="/batches" className="task-back">
        <ArrowLeft aria-hidden />
        {t.batches.title}
      </Link>
      {news}
      <Loaded query={batch}>{(data) => <Tasks id={id} batch={data} />}</Loaded>
    </Page>
  );
}

function Tasks({ id, batch }: { id: string; batch: Batch }) {
  const t = useTexts();
  const mayWrite = may(useMe(), "tasks:write");
  const outputs = useBatchOutputs(id);
  const list = useTaskList(
    useMemo(() => ({ batch: id }), [id]),
    MOST_IN_BATCH,
  );
  const actions = useTaskActions();
  const [shown, setShown] = useState<Shown>("all");
  const all = useMemo(() => tiles(outputs.data, tasksOf(list.data)), [outputs.data, list.data]);
  const some = all.filter((tile) => passes(tile, shown));
  const failed = all.filter(({ state }) => state === "failed");
  return (
    <>
      <div className="card batch-now" aria-live="polite">
        <BatchState batch={batch} />
        <BatchBar batch={batch} />
      </div>
      <Refusals batch={batch} />
      <div className="row">
        <Show batch={batch} shown={shown} onShow={setShown} />
        {mayWrite && failed.length > 0 && (
          <Button
            small
            disabled={actions.busy}
            onClick={() =>
              actions.start(
                "rerun",
                failed.map(({ id: task_id, state }) => ({ task_id, state })),
              )
            }
          >
            <RotateCcw aria-hidden />
            {t.batches.retry(failed.length)}
          </Button>
        )}
      </div>
      {actions.created > 0 && (
        <Note tone="good">
          {t.batches.retried(actions.created)} <Link href="/tasks">{t.batches.toTasks}</Link>
        </Note>
      )}
      {actions.problems}
      <ErrorNote error={outputs.error ?? list.error} onRetry={() => void outputs.refetch()} />
      {outputs.isPending && <Loading />}
      {outputs.data && !some.length && <p className="muted">{t.batches.none}</p>}
      <BatchGrid tiles={some} />
    </>
  );
}

function passes(tile: Tile, shown: Shown): boolean {
  return shown === "all" || tile.state === shown || (shown === "queued" && tile.state === "retrying");
}

/** The counts; each shows only the tasks that it counts. */
function Show({ batch, shown, onShow }: { batch: Batch; shown: Shown; onShow: (shown: Shown) => void }) {
  const t = useTexts();
  const count = counts(batch);
  const choices: [Shown, string][] = [
    ["all", t.batches.all(count.all)],
    ["succeeded", t.batches.succeeded(count.succeeded)],
    ["failed", t.batches.failed(count.failed)],
    ["cancelled", t.batches.cancelled(count.cancelled)],
    ["running", t.batches.running(count.running)],
    ["queued", t.batches.pending(count.queued)],
  ];
  return (
    <fieldset className="batch-show">
      <legend className="hidden-visually">{t.batches.show}</legend>
      {choices
        .filter(([choice]) => choice === "all" || choice === shown || count[choice] > 0)
        .map(([choice, text]) => (
          <Button
            key={choice}
            small
            look={choice === shown ? "primary" : undefined}
            aria-pressed={choice === shown}
            onClick={() => onShow(choice)}
          >
            {text}
          </Button>
        ))}
    </fieldset>
  );
}

function Refusals({ batch }: { batch: Batch }) {
  const t = useTexts();
  if (!batch.errors.length) return null;
  return (
    <Note tone="bad">
      {t.batches.refused(batch.errors.length)}
      <ul>
        {batch.errors.map(({ index = 0, message = "" }) => (
          <li key={index}>{t.batches.refusedItem(index + 1, message)}</li>
        ))}
      </ul>
    </Note>
  );
}
