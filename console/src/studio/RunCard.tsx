import { Archive, Ban, Ellipsis, RefreshCcw, RotateCcw, Trash2, Workflow } from "lucide-react";
import { useState } from "react";
import { useNames } from "../forms/names.ts";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { useKeeping } from "../library/keeping.ts";
import { runs, summary } from "../runs/index.ts";
import type { ResultFile, Run, RunItem } from "../runs/types.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { Badge, ErrorNote, Progress } from "../ui/Feedback.tsx";
import { Menu } from "../ui/Menu.tsx";
import { toast } from "../ui/toasts.tsx";
import { downloadFile } from "../viewer/files.ts";
import { desk } from "./desk.ts";
import { ItemDialog } from "./ItemDialog.tsx";
import { ItemTile } from "./ItemTile.tsx";
import { RunTime } from "./RunTime.tsx";
import { RunWaits } from "./RunWaits.tsx";
import { useOutcome } from "./useOutcome.ts";
import { viewed } from "./viewed.ts";

const SHOWN = 24;

/** One operation on many files: how far it is, its results, what failed, and what can be done next. */
export function RunCard({ run, onWork }: { run: Run; onWork: () => void }) {
  const t = useTexts();
  const names = useNames();
  const keeping = useKeeping();
  const { ago, percent } = useFormats();
  const outcome = useOutcome(run);
  const [onlyFailed, setOnlyFailed] = useState(false);
  const [all, setAll] = useState(false);
  const [opened, setOpened] = useState<string>();
  const [packing, setPacking] = useState(false);
  const [error, setError] = useState<unknown>();
  const done = summary(run);
  const title = run.steps.map((step) => names.of(step.id)).join(" → ");
  const items = onlyFailed ? run.items.filter((item) => item.state === "failed") : run.items;
  const shown = all ? items : items.slice(0, SHOWN);
  const results = run.items.flatMap((item) => item.files);
  const finished = run.items.filter((item) => item.files.length > 0);

  async function attempt(action: () => Promise<unknown>) {
    setError(undefined);
    try {
      await action();
    } catch (failed) {
      setError(failed);
    }
  }

  async function pack() {
    setPacking(true);
    await attempt(async () => download(await runs.archive(run.id)));
    setPacking(false);
  }

  /** Prepare something with these inputs, and go there. */
  function work(change: () => void) {
    change();
    onWork();
  }

  return (
    <article className="card run" aria-label={title} aria-busy={done.open > 0}>
      <div className="page-head">
        <div>
          <h3>{title}</h3>
          <p className="muted">
            {outcome} · {ago(new Date(run.startedAt))}
          </p>
        </div>
        <div className="row">
          {done.failed > 0 && (
            <Button small aria-pressed={onlyFailed} onClick={() => setOnlyFailed(!onlyFailed)}>
              <Badge tone="bad">{t.studio.failures(done.failed)}</Badge>
              {onlyFailed ? t.common.all : t.studio.onlyFailed}
            </Button>
          )}
          {done.failed + done.cancelled > 0 && (
            <Button small onClick={() => runs.retry(run.id)}>
              <RotateCcw aria-hidden />
              {done.cancelled > 0 ? t.studio.runRest : t.studio.retryFailed}
            </Button>
          )}
          {done.open > 0 && (
            <Button small onClick={() => void attempt(() => runs.cancel(run.id))}>
              <Ban aria-hidden />
              {t.studio.cancelRun}
            </Button>
          )}
          {results.length === 1 && results[0] && (
            <Button small look="primary" onClick={() => results[0] && download(results[0])}>
              {t.common.download}
            </Button>
          )}
          {results.length > 1 && (
            <Button small look="primary" disabled={packing} onClick={() => void pack()}>
              <Archive aria-hidden />
              {packing ? t.studio.zipping : t.studio.downloadZip}
            </Button>
          )}
          <Menu
            trigger={
              <IconButton label={t.common.actions} small>
                <Ellipsis />
              </IconButton>
            }
            items={[
              {
                key: "again",
                label: t.studio.again,
                icon: <RefreshCcw />,
                onSelect: () => work(() => runAgain(run)),
              },
              ...(results.length
                ? [
                    {
                      key: "on",
                      label: t.studio.goOn,
                      icon: <Workflow />,
                      onSelect: () => work(() => goOn(finished, title)),
                    },
                    {
                      key: "keep",
                      label: t.studio.keep,
                      icon: <Archive />,
                      onSelect: () =>
                        void attempt(async () => {
                          await keeping.mutateAsync(results.map((file) => file.id));
                          toast(t.studio.kept);
                        }),
                    },
                  ]
                : []),
              {
                key: "remove",
                label: t.studio.removeRun,
                icon: <Trash2 />,
                danger: true,
                onSelect: () => runs.remove(run.id),
              },
            ]}
          />
        </div>
      </div>
      {done.open > 0 && <Progress share={done.progress} label={`${title}: ${percent(done.progress)}`} />}
      <p className="hidden-visually" role="status">
        {outcome}
      </p>
      {done.open > 0 && <RunTime run={run} />}
      <RunWaits run={run} />
      <ErrorNote error={error} />
      <ul className={run.items.length === 1 ? "items single" : "items"}>
        {shown.map((item) => (
          <ItemTile
            key={item.id}
            item={item}
            onOpen={() => setOpened(item.id)}
            onRetry={() => runs.retry(run.id, [item.id])}
          />
        ))}
      </ul>
      {items.length > SHOWN && (
        <Button small look="quiet" onClick={() => setAll(!all)}>
          {all ? t.studio.showLess : t.studio.showAll(items.length)}
        </Button>
      )}
      {opened !== undefined && (
        <ItemDialog
          items={items}
          itemId={opened}
          onItem={setOpened}
          onClose={() => setOpened(undefined)}
          onGoOn={(item) => work(() => goOn([item], title))}
          onWork={onWork}
        />
      )}
    </article>
  );
}

function download(file: ResultFile): void {
  const shown = viewed(file);
  if (shown) downloadFile(shown);
}

/** The same inputs and settings, to be changed. */
function runAgain(run: Run): void {
  const inputs = run.items.flatMap((item) => item.inputs);
  const uploaded = inputs.every((input) => input.uploadId !== undefined);
  desk.set({
    steps: run.steps,
    pipeline: run.steps.length > 1 ? "" : undefined,
    ...(uploaded ? {} : { source: { kind: "files", from: "results", of: "", inputs } }),
  });
}

/** The results become the inputs. */
function goOn(items: readonly RunItem[], of: string): void {
  const inputs = items.flatMap((item) => item.files.map((file) => ({ fileId: file.id, name: file.name ?? "" })));
  desk.set({ steps: [], pipeline: undefined, source: { kind: "files", from: "results", of, inputs } });
}
