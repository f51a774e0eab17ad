import type { components } from "../../../generated/v1.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { Data } from "../../ui/Data.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import { worded } from "../parts/words.ts";

export type Entry = components["schemas"]["AuditRecord"];

/** The subject of an entry, by name where its details have one. */
export function subjectOf(entry: Entry): string | undefined {
  for (const name of ["user_name", "role_name", "team_name", "name", "host", "bundle_id", "pipeline_id"]) {
    const found = entry.details.find((detail) => detail.name === name)?.value;
    if (found) return found;
  }
  return entry.resource_id === "0" ? undefined : entry.resource_id;
}

export function EntryTable({ entries, onShow }: { entries: readonly Entry[]; onShow: (entry: Entry) => void }) {
  const t = useTexts();
  const format = useFormats();
  const columns: Column<Entry>[] = [
    {
      key: "action",
      head: t.audit.action,
      names: true,
      cell: (entry) => (
        <span className="two-lines">
          {worded(t.audit.actions, entry.action)}
          <span className="muted breaks" translate="no">
            {subjectOf(entry)}
          </span>
        </span>
      ),
    },
    {
      key: "actor",
      head: t.audit.who,
      cell: (entry) => (
        <span className="two-lines">
          <Data>{entry.actor_name ?? "–"}</Data>
          <span className="muted">{worded(t.audit.actors, entry.actor)}</span>
        </span>
      ),
    },
    { key: "address", head: t.audit.address, data: true, cell: (entry) => entry.address ?? "–" },
    { key: "time", head: t.audit.when, cell: (entry) => format.date(entry.created_at) },
    {
      key: "details",
      head: t.common.actions,
      end: true,
      cell: (entry) => (
        <Button small onClick={() => onShow(entry)}>
          {t.common.details}
        </Button>
      ),
    },
  ];
  return (
    <Table
      caption={t.nav.audit}
      columns={columns}
      rows={entries}
      rowKey={(entry) => `${entry.created_at} ${entry.action} ${entry.resource_id}`}
    />
  );
}
