import { Receipt } from "lucide-react";
import { Link } from "wouter";
import type { components } from "../../../generated/v1.ts";
import { data, v1 } from "../../api/client.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Data } from "../../ui/Data.tsx";
import { Badge, Empty } from "../../ui/Feedback.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { More, usePages } from "../../ui/paging.tsx";
import { type Column, Table } from "../../ui/Table.tsx";

type Entry = components["schemas"]["LedgerRecord"];

/** The effect of an entry on the credits available for new tasks. Settled credits had been deducted when they were reserved. */
const SIGNS = { grant: "+", refund: "+", release: "+", reserve: "−", settle: "" } as const;

export function Ledger() {
  const t = useTexts();
  const format = useFormats();
  const pages = usePages(["ledger"], (page_token) =>
    data(v1.GET("/v1/ledger", { params: { query: { page_size: 50, page_token } } })),
  );
  const columns: Column<Entry>[] = [
    { key: "kind", head: t.usage.kind, names: true, cell: (entry) => t.usage.kinds[entry.kind] },
    {
      key: "credits",
      head: t.usage.credits,
      end: true,
      cell: (entry) => (
        <span className="row end">
          {entry.unlimited && <Badge>{t.usage.notCharged}</Badge>}
          <span>{`${entry.unlimited ? "" : SIGNS[entry.kind]}${format.number(entry.credits)}`}</span>
        </span>
      ),
    },
    {
      key: "for",
      head: t.usage.for,
      cell: (entry) => (
        <>
          {entry.task_id && <Link href={`/tasks/${entry.task_id}`}>{t.usage.task(entry.task_id)}</Link>}{" "}
          {entry.note && <Data>{entry.note}</Data>}
        </>
      ),
    },
    { key: "time", head: t.usage.when, cell: (entry) => format.date(entry.created_at) },
  ];
  return (
    <Loaded query={pages}>
      {(entries) =>
        entries.length ? (
          <>
            <Table caption={t.usage.ledger} columns={columns} rows={entries} rowKey={(entry) => entry.id} />
            <More pages={pages} />
          </>
        ) : (
          <Empty icon={<Receipt aria-hidden />}>{t.usage.noEntries}</Empty>
        )
      }
    </Loaded>
  );
}
