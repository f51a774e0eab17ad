import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Data } from "../../ui/Data.tsx";
import { Badge } from "../../ui/Feedback.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import { isUnserved, type Lane } from "./state.ts";

/** Where tasks wait. */
export function Lanes({ lanes }: { lanes: readonly Lane[] }) {
  const t = useTexts();
  const format = useFormats();
  const columns: Column<Lane>[] = [
    {
      key: "name",
      head: t.system.lane,
      names: true,
      cell: (lane) => (
        <span className="chips">
          <Data>{lane.name}</Data> {isUnserved(lane) && <Badge tone="bad">{t.system.noWorker}</Badge>}
        </span>
      ),
    },
    { key: "waiting", head: t.system.waiting, end: true, cell: (lane) => format.number(lane.waiting) },
    { key: "delayed", head: t.system.delayed, end: true, cell: (lane) => format.number(lane.delayed) },
    { key: "running", head: t.system.running, end: true, cell: (lane) => format.number(lane.running) },
    {
      key: "oldest",
      head: t.system.oldest,
      end: true,
      cell: (lane) =>
        lane.oldest_waiting_seconds === undefined ? "–" : format.duration(Math.round(lane.oldest_waiting_seconds)),
    },
    {
      key: "rate",
      head: t.system.rate,
      end: true,
      cell: (lane) =>
        lane.tasks_per_second === undefined ? "–" : t.system.perSecond(format.number(lane.tasks_per_second)),
    },
    {
      key: "slots",
      head: t.system.slots,
      end: true,
      cell: (lane) => t.system.freeOf(format.number(lane.free_slots), format.number(lane.slots)),
    },
  ];
  return (
    <section className="stacked" aria-labelledby="lanes">
      <h2 id="lanes">{t.system.lanes}</h2>
      {lanes.length ? (
        <Table caption={t.system.lanes} columns={columns} rows={lanes} rowKey={(lane) => lane.name} />
      ) : (
        <p className="muted">{t.system.noLanes}</p>
      )}
    </section>
  );
}
