import { ExternalLink, FileText } from "lucide-react";
import { useEffect, useState } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button, ButtonLink } from "../ui/Button.tsx";
import { ErrorNote, Loading } from "../ui/Feedback.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import { useContent } from "./fetched.ts";
import type { ViewedFile } from "./files.ts";
import { NoView } from "./NoView.tsx";
import { PdfPair } from "./PdfPair.tsx";
import { pageCount } from "./pages.ts";

/** Bytes up to which a PDF is fetched unasked. */
const SMALL = 20_000_000;

/** A PDF in the browser's own viewer. A presigned URL answers as a download, so it is fetched, and shown from memory. */
export function PdfView({ file, original }: { file: ViewedFile; original?: ViewedFile | undefined }) {
  const t = useTexts().viewer;
  const { bytes } = useFormats();
  const [asked, setAsked] = useState(false);
  const small = file.size !== undefined && file.size <= SMALL;
  const shows = navigator.pdfViewerEnabled;
  const { content, error, again } = useContent(
    file.url,
    (response) => response.arrayBuffer(),
    "pdf",
    shows && (asked || small),
  );
  const url = useObjectUrl(content, "application/pdf");
  const [alone, setAlone] = useState(false);
  const before = useContent(
    original?.url ?? "",
    (response) => response.arrayBuffer(),
    "pdf",
    original !== undefined && url !== undefined && !alone,
  ).content;
  const beforeUrl = useObjectUrl(original && before, "application/pdf");
  const pages = [usePageCount(original && before), usePageCount(original && content)];
  const pair = original && before && beforeUrl && content && url && !alone;
  if (!shows) return <NoView file={file}>{t.noPdf}</NoView>;
  return (
    <div className="viewer">
      <div className="viewer-bar">
        <span className="viewer-name" translate="no">
          {file.name}
        </span>
        <div className="viewer-actions">
          {original && url && (
            <Button small aria-pressed={!alone} onClick={() => setAlone(!alone)}>
              {t.side}
            </Button>
          )}
          {url && (
            <ButtonLink small href={url} target="_blank" rel="noopener">
              <ExternalLink aria-hidden />
              {t.openPdf}
            </ButtonLink>
          )}
          <DownloadButton file={file} />
        </div>
      </div>
      {error ? <ErrorNote error={error} onRetry={again} /> : null}
      {pair ? (
        <PdfPair
          before={{ url: beforeUrl, name: original.name, pages: pages[0] }}
          after={{ url, name: file.name, pages: pages[1] }}
        />
      ) : url ? (
        <iframe className="viewer-pdf" src={url} title={`${t.pdf}: ${file.name}`} />
      ) : asked || small ? (
        !error && <Loading />
      ) : (
        <div>
          <Button onClick={() => setAsked(true)}>
            <FileText aria-hidden />
            {t.showPdf(file.size === undefined ? "PDF" : bytes(file.size))}
          </Button>
        </div>
      )}
    </div>
  );
}

function usePageCount(content: ArrayBuffer | undefined): number | undefined {
  const [count, setCount] = useState<number>();
  useEffect(() => {
    setCount(undefined);
    if (content) void pageCount(content).then(setCount);
  }, [content]);
  return count;
}

/** A URL of something in memory, while it is displayed. */
function useObjectUrl(content: ArrayBuffer | undefined, type: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!content) return;
    const made = URL.createObjectURL(new Blob([content], { type }));
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl(undefined);
    };
  }, [content, type]);
  return url;
}
