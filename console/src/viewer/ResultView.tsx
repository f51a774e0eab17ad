import { useTexts } from "../i18n/texts.ts";
import "../styles/viewer.css";
import { Compare } from "./Compare.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import type { ViewedFile } from "./files.ts";
import { JsonView } from "./JsonView.tsx";
import { extensionOf, viewKind } from "./kinds.ts";
import { NoView } from "./NoView.tsx";
import { PdfView } from "./PdfView.tsx";
import { TextView } from "./TextView.tsx";

/** A result, displayed by its type: a picture or a PDF next to its original, a text, data, or its name alone. */
export function ResultView({ file, original }: { file: ViewedFile; original?: ViewedFile | undefined }) {
  const t = useTexts().viewer;
  switch (viewKind(file.name, file.mediaType)) {
    case "picture": {
      const beside = original && viewKind(original.name, original.mediaType) === "picture" ? original.url : undefined;
      const kind = extensionOf(file.name).toUpperCase() || file.mediaType || file.name;
      return (
        <Compare
          before={beside}
          after={file.url}
          alt={file.name}
          actions={<DownloadButton file={file} />}
          failed={<NoView file={file}>{t.noPicture(kind)}</NoView>}
        />
      );
    }
    case "pdf":
      return (
        <PdfView
          file={file}
          original={original && viewKind(original.name, original.mediaType) === "pdf" ? original : undefined}
        />
      );
    case "text":
      return <TextView file={file} />;
    case "json":
      return <JsonView file={file} />;
    case "archive":
      return <NoView file={file}>{t.archive}</NoView>;
    default:
      return <NoView file={file}>{t.noView}</NoView>;
  }
}
