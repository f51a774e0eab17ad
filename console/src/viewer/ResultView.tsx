import { Download } from "lucide-react";
import type { ReactNode } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import "../styles/viewer.css";
import { Button } from "../ui/Button.tsx";
import { Note } from "../ui/Feedback.tsx";
import { Compare } from "./Compare.tsx";
import { downloadFile, type ViewedFile } from "./files.ts";
import { JsonView } from "./JsonView.tsx";
import { extensionOf, viewKind } from "./kinds.ts";
import { PdfView } from "./PdfView.tsx";
import { TextView } from "./TextView.tsx";

/** A result, shown as what it is: a picture beside its original, a PDF, a text, data, or its name alone. */
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
      return <PdfView file={file} />;
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

export function DownloadButton({ file }: { file: ViewedFile }) {
  const t = useTexts();
  return (
    <Button small onClick={() => downloadFile(file)}>
      <Download aria-hidden />
      {t.common.download}
    </Button>
  );
}

/** The name and the size of a file that is not shown, and why. */
export function NoView({ file, children }: { file: ViewedFile; children: ReactNode }) {
  const { bytes } = useFormats();
  return (
    <div className="viewer">
      <Note>{children}</Note>
      <div className="viewer-file">
        <span>
          <b>{file.name}</b>
          {file.size !== undefined && <span className="muted"> {bytes(file.size)}</span>}
        </span>
        <DownloadButton file={file} />
      </div>
    </div>
  );
}
