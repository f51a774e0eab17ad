import { Download, File, FileX } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { progressText, taskErrorText } from "../../i18n/said.ts";
import { useTexts } from "../../i18n/texts.ts";
import { ButtonLink } from "../../ui/Button.tsx";
import { viewKind } from "../../viewer/kinds.ts";
import { VideoPicture } from "../../viewer/VideoPicture.tsx";
import { hasEnded } from "../model.ts";
import { pictureOf, type Tile } from "../tiles.ts";
import { StateBadge, TaskProgress } from "./StateBadge.tsx";

/** The tasks of a batch: a small picture of what each has made, or how far it is. */
export function BatchGrid({ tiles }: { tiles: readonly Tile[] }) {
  const t = useTexts();
  return (
    <ul className="batch-grid" aria-label={t.batches.tasks}>
      {tiles.map((tile) => (
        <li key={tile.id} className="card">
          <BatchTile tile={tile} />
        </li>
      ))}
    </ul>
  );
}

function BatchTile({ tile }: { tile: Tile }) {
  const t = useTexts();
  const name = tile.name || t.batches.item(tile.index + 1);
  const file = tile.zip ?? tile.files[0];
  return (
    <>
      <Link href={`/tasks/${tile.id}`}>
        <Picture key={pictureOf(tile)?.id} tile={tile} />
        <span className="batch-name">{name}</span>
      </Link>
      <div className="row">
        <StateBadge state={tile.state} />
        {tile.files.length > 1 && <span className="muted">{t.batches.outputs(tile.files.length)}</span>}
      </div>
      <TaskProgress state={tile.state} progress={tile.progress} />
      {(tile.error || tile.message) && (
        <p className={tile.error ? "task-message bad" : "task-message"}>
          {tile.error ? taskErrorText(t, tile.error) : progressText(t, tile.message ?? "")}
        </p>
      )}
      {file?.download_url && (
        <ButtonLink
          small
          href={file.download_url}
          download={file.name}
          aria-label={t.tasks.downloadFile(file.name ?? name)}
        >
          <Download aria-hidden />
          {t.common.download}
        </ButtonLink>
      )}
    </>
  );
}

function Picture({ tile }: { tile: Tile }) {
  const [broken, setBroken] = useState(false);
  const picture = pictureOf(tile);
  return (
    <span className="batch-picture">
      {picture?.download_url && !broken && viewKind(`.${picture.type}`) === "video" ? (
        <VideoPicture src={picture.download_url} onError={() => setBroken(true)} />
      ) : picture?.download_url && !broken ? (
        <img src={picture.download_url} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />
      ) : hasEnded(tile.state) && tile.state !== "succeeded" ? (
        <FileX aria-hidden />
      ) : (
        <File aria-hidden />
      )}
    </span>
  );
}
