import { FileText, RotateCcw, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { Badge, Note, Progress } from "../ui/Feedback.tsx";
import { errorText, previewOf, type Upload, uploads, useUploadLine } from "../uploads/index.ts";

const SHOWN = 12;

/** The files that were dropped, with how far each is. */
export function FileList({ files }: { files: readonly Upload[] }) {
  const t = useTexts();
  const line = useUploadLine();
  const { bytes } = useFormats();
  const [all, setAll] = useState(false);
  const open = files.filter((file) => file.state === "waiting" || file.state === "sending");
  const again = files.filter((file) => file.state === "failed");
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const sent = files.reduce((sum, file) => sum + (file.state === "done" ? file.size : file.sent), 0);
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
          <Button small look="quiet" onClick={() => uploads.clear()}>
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
        {files
          .filter((file, index) => all || index < SHOWN || isTroubled(file))
          .map((file) => (
            <FileTile key={file.id} file={file} />
          ))}
      </ul>
      {files.length > SHOWN && (
        <Button small look="quiet" onClick={() => setAll(!all)}>
          {all ? t.studio.showLess : t.studio.showAll(files.length)}
        </Button>
      )}
    </section>
  );
}

/** Whether it needs a person, and so is always shown. */
function isTroubled({ state }: Upload): boolean {
  return state === "failed" || state === "refused" || state === "lost";
}

function FileTile({ file }: { file: Upload }) {
  const t = useTexts();
  const { bytes } = useFormats();
  const troubled = isTroubled(file);
  return (
    <li className={troubled ? "file troubled" : "file"}>
      <UploadPicture file={file} />
      <IconButton
        label={t.studio.removeFile(file.name)}
        small
        className="file-remove"
        onClick={() => uploads.remove(file.id)}
      >
        <X />
      </IconButton>
      <span className="file-name" title={file.path}>
        {file.name}
      </span>
      {file.state === "sending" && <Progress share={file.size ? file.sent / file.size : undefined} label={file.name} />}
      {file.state === "waiting" && <span className="muted">{t.studio.waiting}</span>}
      {file.state === "done" && <span className="muted">{bytes(file.size)}</span>}
      {troubled && (
        <>
          <Badge tone={file.state === "lost" ? "warn" : "bad"}>
            {file.state === "refused"
              ? t.studio.refused
              : file.state === "lost"
                ? t.studio.lost
                : t.studio.uploadFailed}
          </Badge>
          {file.error && file.state !== "lost" && <span className="file-error">{errorText(t, file.error)}</span>}
        </>
      )}
    </li>
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
      {source ? (
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
