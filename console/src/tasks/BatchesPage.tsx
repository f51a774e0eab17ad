import { Boxes } from "lucide-react";
import { Link } from "wouter";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { Badge, Empty } from "../ui/Feedback.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { type Column, Table } from "../ui/Table.tsx";
import { useLiveTasks } from "./live.ts";
import type { Batch } from "./model.ts";
import { useOperationName } from "./operations.ts";
import { Age } from "./parts/Age.tsx";
import { BatchBar, BatchCounts } from "./parts/BatchBar.tsx";
import { StreamBadge } from "./parts/StreamBadge.tsx";
import { flat, useBatchList } from "./queries.ts";
import "../styles/tasks.css";
import "../styles/batches.css";

/** All batches, newest first, with their progress as it changes. */
export default function BatchesPage() {
  const t = useTexts();
  useLiveTasks();
  const list = useBatchList();
  return (
    <Page title={t.batches.title} about={t.batches.about} actions={<StreamBadge />}>
      <Loaded query={list}>
        {(data) => {
          const batches = flat(data);
          return batches.length ? <BatchTable batches={batches} /> : <NoBatches />;
        }}
      </Loaded>
      {list.hasNextPage && (
        <Button className="task-more" onClick={() => void list.fetchNextPage()} disabled={list.isFetchingNextPage}>
          {list.isFetchingNextPage ? t.common.loading : t.common.more}
        </Button>
      )}
    </Page>
  );
}

function BatchTable({ batches }: { batches: readonly Batch[] }) {
  const t = useTexts();
  const operationName = useOperationName();
  const columns: Column<Batch>[] = [
    {
      key: "files",
      head: t.tasks.files,
      names: true,
      cell: (batch) => <Link href={`/batches/${batch.batch_id}`}>{batchTitle(batch, t.batches)}</Link>,
    },
    {
      key: "operations",
      head: t.tasks.operations,
      cell: (batch) => batch.operations.map(operationName).join(" › ") ?? "",
    },
    {
      key: "progress",
      head: t.tasks.progress,
      cell: (batch) => (
        <div className="batch-progress">
          <BatchBar batch={batch} />
          <BatchCounts batch={batch} />
        </div>
      ),
    },
    { key: "state", head: t.common.status, cell: (batch) => <BatchState batch={batch} /> },
    {
      key: "age",
      head: t.tasks.age,
      cell: (batch) =>
        batch.created_at && (
          <span className="task-age">
            <Age at={batch.created_at} />
          </span>
        ),
    },
  ];
  return <Table caption={t.batches.list} columns={columns} rows={batches} rowKey={({ batch_id = "" }) => batch_id} />;
}

export function BatchState({ batch }: { batch: Batch }) {
  const t = useTexts();
  return batch.status === "Completed" ? (
    <Badge tone="good">{t.batches.completed}</Badge>
  ) : (
    <Badge tone="info">{t.batches.processing}</Badge>
  );
}

/** The name of a batch: its first file, and the number of others. */
export function batchTitle(
  batch: Batch,
  t: { more: (name: string, count: number) => string; numbered: (id: string) => string },
): string {
  const { first_input_name: first, batch_id = "", total = 1 } = batch;
  return first ? t.more(first, total - 1) : t.numbered(batch_id);
}

function NoBatches() {
  const t = useTexts();
  return (
    <Empty icon={<Boxes aria-hidden />}>
      <p>{t.batches.empty}</p>
      <Link className="button primary" href="/">
        {t.tasks.toStudio}
      </Link>
    </Empty>
  );
}
