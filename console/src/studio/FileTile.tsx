import { X } from "lucide-react";
import type { FormEntry } from "../forms/entries.ts";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { IconButton } from "../ui/Button.tsx";
import { Badge, Progress } from "../ui/Feedback.tsx";
import { errorText, type Upload, uploads } from "../uploads/index.ts";
import { unfitText } from "./accepted.ts";
import { UploadPicture } from "./FileList.tsx";
import { kindOf } from "./fitting.ts";
import { MoveHandle } from "./MoveHandle.tsx";

/** The reason of a file whose type nothing takes, by its name or by its content. */
const UNSUPPORTED = "media_unsupported";

/** Whether it needs a person, and so is always shown. */
export function isTroubled({ state }: Upload): boolean {
  return state === "failed" || state === "refused" || state === "lost";
}

/** A file, with how far its upload is, and what is wrong with it. `onMove` moves it to another place, from 0. */
export function FileTile({
  file,
  chosen,
  index,
  onMove,
}: {
  file: Upload;
  chosen: { entry: FormEntry; title: string } | undefined;
  index: number;
  onMove: ((place: number) => void) | undefined;
}) {
  const t = useTexts();
  const { bytes } = useFormats();
  const troubled = isTroubled(file);
  return (
    <li className={troubled ? "file troubled" : "file"} data-place={index}>
      <UploadPicture file={file} />
      {onMove && !troubled && <MoveHandle name={file.name} index={index} onMove={onMove} />}
      <IconButton
        label={t.studio.removeFile(file.name)}
        small
        className="file-remove"
        onClick={() => uploads.remove(file.id)}
      >
        <X />
      </IconButton>
      <span className="file-name" title={file.path} translate="no">
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
          {file.error && file.state !== "lost" && (
            <span className="file-error">
              {file.error.reason === UNSUPPORTED && kindOf(file.name) === "other"
                ? unfitText(t, file.name, chosen?.entry, chosen?.title)
                : errorText(t, file.error)}
            </span>
          )}
        </>
      )}
    </li>
  );
}
