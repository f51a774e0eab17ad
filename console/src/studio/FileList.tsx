import { FileText, RotateCcw } from "lucide-react";
import { useEffect, useState } from "react";
import type { FormEntry } from "../forms/entries.ts";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { Note, Progress } from "../ui/Feedback.tsx";
import { SHOWN_MS, toast } from "../ui/toasts.tsx";
import { previewOf, type Upload, uploads, useUploadLine } from "../uploads/index.ts";
import { VideoPicture } from "../viewer/VideoPicture.tsx";
import { FileTile, isTroubled } from "./FileTile.tsx";
import { kindOf } from "./fitting.ts";

const SHOWN = 12;

/** The files that were dropped, with how far each is. `chosen`: the operation that is to be run on them, and its name. */
export function FileList({
  files,
  chosen,
}: {
  files: readonly Upload[];
  chosen?: { entry: FormEntry; title: string } | undefined;
}) {
  const t = useTexts();
  const line = useUploadLine();
  const { bytes } = useFormats();
  const [all, setAll] = useState(false);
  const [moved, setMoved] = useState("");
  const open = files.filter((file) => file.state === "waiting" || file.state === "sending");
  const again = files.filter((file) => file.state === "failed");
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const sent = files.reduce((sum, file) => sum + (file.state === "done" ? file.size : file.sent), 0);

  function clear() {
    const undo = uploads.clear(SHOWN_MS);
    toast(t.studio.removed(files.length), "info", { label: t.common.undo, run: undo });
  }

  function move(file: Upload, place: number) {
    const target = files[place];
    if (!target) return;
    uploads.move(file.id, target.id);
    setMoved(t.studio.movedFile(file.name, place + 1, files.length));
  }

  return (
    <section className="card file-list" aria-label={t.studio.filesTitle}>
      <div className="page-head">
        <h2>
          {t.studio.files(files.length)} <span className="muted">{bytes(size)}</span>
        </h2>
        <div className="row">
          {again.length > 0 && (
            <Button small onClick={() => uploads.retry()}>
              <RotateCcw aria-hidden />
              {t.studio.retryUploads}
            </Button>
          )}
          <Button small look="quiet" onClick={clear}>
            {t.studio.clear}
          </Button>
        </div>
      </div>
      {open.length > 0 && (
        <>
          <Progress share={size ? sent / size : undefined} label={t.studio.filesTitle} />
          <p className="muted" role="status">
            {line === "offline" ? t.studio.offline : t.studio.sent(bytes(sent), bytes(size))}
          </p>
        </>
      )}
      <ul className="files">
        {files.map((file, index) =>
          all || index < SHOWN || isTroubled(file) ? (
            <FileTile
              key={file.id}
              file={file}
              chosen={chosen}
              // One file alone has no order.
              onMove={files.length > 1 ? (place) => move(file, place) : undefined}
              index={index}
            />
          ) : null,
        )}
      </ul>
      <p className="hidden-visually" role="status">
        {moved}
      </p>
      {files.length > SHOWN && (
        <Button small look="quiet" onClick={() => setAll(!all)}>
          {all ? t.studio.showLess : t.studio.showAll(files.length)}
        </Button>
      )}
    </section>
  );
}

/** A small picture of a file that the browser can show; a sign for others. */
export function UploadPicture({ file }: { file: Upload }) {
  const [shown, setShown] = useState(file.preview);
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    if (!file.preview) setShown(previewOf(file.id));
  }, [file.id, file.preview]);
  const source = broken ? undefined : (file.preview ?? shown);
  return (
    <span className="file-picture">
      {source && kindOf(file.name) === "video" ? (
        <VideoPicture src={source} onError={() => setBroken(true)} />
      ) : source ? (
        <img src={source} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />
      ) : (
        <FileText aria-hidden />
      )}
    </span>
  );
}

/** That something about the files needs a person. */
export function TroubledFiles({ files }: { files: readonly Upload[] }) {
  const t = useTexts();
  const lost = files.filter((file) => file.state === "lost").length;
  if (!lost) return null;
  return <Note tone="warn">{`${t.studio.files(lost)}: ${t.studio.lost}`}</Note>;
}
