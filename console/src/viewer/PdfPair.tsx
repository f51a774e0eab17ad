import { ChevronLeft, ChevronRight } from "lucide-react";
import { useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { IconButton } from "../ui/Button.tsx";

export type Document = { url: string; name: string; pages: number | undefined };

/** Two documents side by side, the same page of each. `pages` is undefined where their number is unknown. */
export function PdfPair({ before, after }: { before: Document; after: Document }) {
  const t = useTexts();
  const [page, setPage] = useState(1);
  const last = Math.max(before.pages ?? 0, after.pages ?? 0) || undefined;
  return (
    <>
      <div className="viewer-pages">
        <IconButton small label={t.viewer.previousPage} disabled={page <= 1} onClick={() => setPage(page - 1)}>
          <ChevronLeft />
        </IconButton>
        <span role="status">{t.viewer.page(page, last)}</span>
        <IconButton
          small
          label={t.viewer.nextPage}
          disabled={last !== undefined && page >= last}
          onClick={() => setPage(page + 1)}
        >
          <ChevronRight />
        </IconButton>
      </div>
      <div className="viewer-pair">
        <PdfPage document={before} page={page} label={t.viewer.original} />
        <PdfPage document={after} page={page} label={t.viewer.result} />
      </div>
    </>
  );
}

function PdfPage({ document: { url, name, pages }, page, label }: { document: Document; page: number; label: string }) {
  const t = useTexts().viewer;
  const missing = pages !== undefined && page > pages;
  return (
    <figure>
      <figcaption>{label}</figcaption>
      {missing ? (
        <p className="muted">{t.noPage}</p>
      ) : (
        // A viewer reads the page of the fragment when it opens a document.
        <iframe
          key={page}
          className="viewer-pdf"
          src={`${url}#page=${page}&toolbar=0&navpanes=0&view=Fit`}
          title={`${label}: ${name}`}
        />
      )}
    </figure>
  );
}
