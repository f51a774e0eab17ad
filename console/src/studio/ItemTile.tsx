import { Ban, FileText, RotateCcw } from "lucide-react";
import { useErrorText } from "../forms/useErrorText.ts";
import { progressText } from "../i18n/said.ts";
import { useTexts } from "../i18n/texts.ts";
import type { ItemState, RunItem } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { Badge, Progress, type Tone } from "../ui/Feedback.tsx";
import { useUpload } from "../uploads/index.ts";
import { viewKind } from "../viewer/kinds.ts";
import { VideoPicture } from "../viewer/VideoPicture.tsx";
import { UploadPicture } from "./FileList.tsx";

const TONES: Record<ItemState, Tone | undefined> = {
  uploading: undefined,
  queued: undefined,
  running: "info",
  succeeded: "good",
  failed: "bad",
  cancelled: undefined,
};

/** A file of a run: its result once that is there, until then itself, with how far it is. */
export function ItemTile({ item, onOpen, onRetry }: { item: RunItem; onOpen: () => void; onRetry: () => void }) {
  const t = useTexts();
  const errorText = useErrorText();
  const name = item.inputs[0]?.name ?? item.files[0]?.name ?? "";
  const label = item.files.length ? t.studio.open(name) : t.studio.openItem(name);
  const more = item.inputs.length > 1 ? ` +${item.inputs.length - 1}` : "";
  return (
    <li className={`item item-${item.state}`}>
      <button type="button" className="item-open" aria-label={label} onClick={onOpen}>
        <ItemPicture item={item} />
      </button>
      <span className="file-name" title={name} translate="no">
        {name}
        {more}
      </span>
      {item.state === "succeeded" ? (
        item.unchanged && <Badge>{t.tasks.unchanged}</Badge>
      ) : item.state === "running" || item.state === "uploading" ? (
        <Progress share={item.progress || undefined} label={`${name}: ${t.studio.states[item.state]}`} />
      ) : (
        <Badge tone={TONES[item.state]}>{t.studio.states[item.state]}</Badge>
      )}
      {item.state === "running" && item.message && <span className="muted">{progressText(t, item.message)}</span>}
      {item.error && <span className="file-error">{errorText(item.error)}</span>}
      {item.state === "failed" && (
        <Button small onClick={onRetry}>
          <RotateCcw aria-hidden />
          {t.common.retry}
        </Button>
      )}
    </li>
  );
}

function ItemPicture({ item }: { item: RunItem }) {
  const upload = useUpload(item.inputs[0]?.uploadId ?? "");
  const [file] = item.files;
  const kind = viewKind(file?.name ?? "");
  if (file?.download_url && (kind === "picture" || kind === "video")) {
    return (
      <span className="file-picture checkered">
        {kind === "video" ? (
          <VideoPicture src={file.download_url} />
        ) : (
          <img src={file.download_url} alt="" loading="lazy" decoding="async" />
        )}
      </span>
    );
  }
  // The original would look like a result.
  if (upload && item.state !== "cancelled") return <UploadPicture file={upload} />;
  return (
    <span className="file-picture">{item.state === "cancelled" ? <Ban aria-hidden /> : <FileText aria-hidden />}</span>
  );
}
