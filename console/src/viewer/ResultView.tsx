import { useState } from "react";
import type { Box } from "../forms/boxes.ts";
import { useTexts } from "../i18n/texts.ts";
import "../styles/viewer.css";
import { Compare } from "./Compare.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import type { ViewedFile } from "./files.ts";
import { JsonView } from "./JsonView.tsx";
import { extensionOf, viewKind } from "./kinds.ts";
import { NoView } from "./NoView.tsx";
import { PdfView } from "./PdfView.tsx";
import { Retouch } from "./Retouch.tsx";
import { TextView } from "./TextView.tsx";

/** A result, displayed by its type: a picture or a PDF next to its original, a text, data, or its name alone. */
export function ResultView({
  file,
  original,
  places,
}: {
  file: ViewedFile;
  original?: ViewedFile | undefined;
  /** Places in a picture to outline, in per cent of the original. */
  places?: readonly Box[];
}) {
  const t = useTexts().viewer;
  switch (viewKind(file.name, file.mediaType)) {
    case "picture":
      return <PictureView file={file} original={original} places={places ?? []} />;
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

function PictureView({
  file,
  original,
  places,
}: {
  file: ViewedFile;
  original: ViewedFile | undefined;
  places: readonly Box[];
}) {
  const t = useTexts().viewer;
  const [retouched, setRetouched] = useState(false);
  const beside = original && viewKind(original.name, original.mediaType) === "picture" ? original.url : undefined;
  const kind = extensionOf(file.name).toUpperCase() || file.mediaType || file.name;
  return (
    <>
      <Compare
        before={beside}
        after={file.url}
        alt={file.name}
        places={places}
        onRetouch={beside === undefined ? undefined : () => setRetouched(true)}
        actions={<DownloadButton file={file} />}
        failed={<NoView file={file}>{t.noPicture(kind)}</NoView>}
      />
      {retouched && beside !== undefined && (
        <Retouch file={file} original={beside} onClose={() => setRetouched(false)} />
      )}
    </>
  );
}
