import { useState } from "react";
import type { Box } from "../forms/boxes.ts";
import { useTexts } from "../i18n/texts.ts";
import "../styles/viewer.css";
import { Compare } from "./Compare.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import type { ViewedFile } from "./files.ts";
import { JsonView } from "./JsonView.tsx";
import { comparable, extensionOf, viewKind } from "./kinds.ts";
import { MovingView } from "./MovingView.tsx";
import { NoView } from "./NoView.tsx";
import { PdfView } from "./PdfView.tsx";
import { Retouch } from "./Retouch.tsx";
import { TextView } from "./TextView.tsx";

/** A result, displayed by its type: a picture, a video or a PDF next to its original, a text, data, or its name alone. */
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
  const kind = viewKind(file.name, file.mediaType);
  const other = original && viewKind(original.name, original.mediaType);
  const beside = other && comparable(kind, other) ? original : undefined;
  switch (kind) {
    case "picture":
      return other === "video" ? (
        <MovingView file={file} original={beside} />
      ) : (
        <PictureView file={file} original={beside} places={places ?? []} />
      );
    case "video":
      return <MovingView file={file} original={beside} />;
    case "pdf":
      return <PdfView file={file} original={beside} />;
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
  const beside = original?.url;
  // One picture of an animation would be painted on.
  const still = original !== undefined && extensionOf(original.name) !== "gif";
  const kind = extensionOf(file.name).toUpperCase() || file.mediaType || file.name;
  return (
    <>
      <Compare
        before={beside}
        after={file.url}
        alt={file.name}
        places={places}
        onRetouch={still ? () => setRetouched(true) : undefined}
        actions={<DownloadButton file={file} />}
        failed={<NoView file={file}>{t.noPicture(kind)}</NoView>}
      />
      {retouched && beside !== undefined && (
        <Retouch file={file} original={beside} onClose={() => setRetouched(false)} />
      )}
    </>
  );
}
