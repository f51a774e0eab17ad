import "../styles/admin.css";
import { FileClock } from "lucide-react";
import { useState } from "react";
import { data, v1 } from "../api/client.ts";
import { useTexts } from "../i18n/texts.ts";
import { Empty } from "../ui/Feedback.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { More, usePages } from "../ui/paging.tsx";
import { EntryDialog } from "./audit/EntryDialog.tsx";
import { type Entry, EntryTable } from "./audit/EntryTable.tsx";
import { type Filtered, Filters, NOTHING, queryOf } from "./audit/Filters.tsx";

/** The changes to the account and its resources, with their actors. */
export default function AuditPage() {
  const t = useTexts();
  const [filters, setFilters] = useState<Filtered>(NOTHING);
  const [shown, setShown] = useState<Entry>();
  const query = queryOf(filters);
  const pages = usePages(["audit", query], (page_token) =>
    data(v1.GET("/v1/audit", { params: { query: { ...query, page_size: 50, page_token } } })),
  );
  return (
    <Page title={t.nav.audit} about={t.audit.about}>
      <Filters of={filters} onChange={setFilters} />
      <Loaded query={pages}>
        {(entries) =>
          entries.length ? (
            <>
              <EntryTable entries={entries} onShow={setShown} />
              <More pages={pages} />
            </>
          ) : (
            <Empty icon={<FileClock aria-hidden />}>{t.audit.none}</Empty>
          )
        }
      </Loaded>
      {shown && <EntryDialog of={shown} onClose={() => setShown(undefined)} />}
    </Page>
  );
}
