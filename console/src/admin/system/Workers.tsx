import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Data } from "../../ui/Data.tsx";
import { Badge } from "../../ui/Feedback.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import { StateBadge } from "./StateBadge.tsx";
import type { Worker } from "./state.ts";

/** The workers. */
export function Workers({ workers }: { workers: readonly Worker[] }) {
  const t = useTexts();
  const format = useFormats();
  const columns: Column<Worker>[] = [
    {
      key: "name",
      head: t.system.worker,
      names: true,
      cell: (worker) => (
        <span className="two-lines">
          <Data>{worker.name}</Data>
          <span className="muted small">
            {[worker.version, worker.host, worker.started_at && t.system.since(format.ago(worker.started_at))]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </span>
      ),
    },
    {
      key: "state",
      head: t.common.status,
      cell: (worker) => (
        <span className="chips">
          <StateBadge state={worker.state} />
          {worker.gpu !== undefined && <Badge>{worker.gpu ? "GPU" : "CPU"}</Badge>}
        </span>
      ),
    },
    {
      key: "lanes",
      head: t.system.runningOfSlots,
      cell: (worker) => (
        <span className="chips">
          {worker.lanes.map(({ name, running, slots }) => (
            <Badge key={name} tone={running > 0 ? "info" : undefined}>
              {`${name} ${slots === undefined ? format.number(running) : t.usage.of(format.number(running), format.number(slots))}`}
            </Badge>
          ))}
        </span>
      ),
    },
    {
      key: "needs",
      head: t.system.needs,
      cell: (worker) => {
        const failing = worker.needs.filter(({ state }) => state !== "ok");
        return failing.length
          ? failing.map(({ name, problem }) => `${name}: ${problem ?? t.system.noReason}`).join("; ")
          : worker.state === "silent"
            ? "–"
            : t.system.states.ok;
      },
    },
    {
      key: "heard",
      head: t.system.heard,
      cell: (worker) => (worker.heard_at ? format.ago(worker.heard_at) : t.common.never),
    },
  ];
  return (
    <section className="stacked" aria-labelledby="workers">
      <h2 id="workers">{t.system.workers}</h2>
      {workers.length ? (
        <Table caption={t.system.workers} columns={columns} rows={workers} rowKey={(worker) => worker.name} />
      ) : (
        <p className="muted">{t.system.noWorkers}</p>
      )}
    </section>
  );
}
