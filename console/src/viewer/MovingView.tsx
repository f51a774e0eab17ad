import { useRef, useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import type { ViewedFile } from "./files.ts";
import { viewKind } from "./kinds.ts";
import { NoView } from "./NoView.tsx";

/** How far two videos may be apart before one is set to the time of the other, in seconds. */
const APART_SECONDS = 0.15;

/** A video, alone or next to its original; each of the two may be a picture, too. Two videos play together. */
export function MovingView({ file, original }: { file: ViewedFile; original?: ViewedFile | undefined }) {
  const t = useTexts().viewer;
  const [alone, setAlone] = useState(false);
  const [broken, setBroken] = useState<string>();
  const before = useRef<HTMLVideoElement>(null);
  const after = useRef<HTMLVideoElement>(null);
  const pair = original !== undefined && !alone && broken !== original.url;
  if (broken === file.url)
    return <NoView file={file}>{t.noPicture(file.name.split(".").at(-1)?.toUpperCase() ?? file.name)}</NoView>;
  const together = pair ? { follows: before } : {};
  return (
    <div className="viewer">
      <div className="viewer-bar">
        {original && (
          <Button
            small
            look="quiet"
            aria-pressed={pair}
            disabled={broken === original.url}
            onClick={() => setAlone(!alone)}
          >
            {t.side}
          </Button>
        )}
        <div className="viewer-actions">
          <DownloadButton file={file} />
        </div>
      </div>
      {original && broken === original.url && <p className="muted">{t.noOriginal}</p>}
      <div className="viewer-pair">
        {pair && (
          <figure>
            <figcaption>{t.original}</figcaption>
            <Moving file={original} label={t.original} video={before} onBroken={setBroken} />
          </figure>
        )}
        <figure>
          {pair && <figcaption>{t.result}</figcaption>}
          <Moving file={file} label={t.result} video={after} onBroken={setBroken} {...together} />
        </figure>
      </div>
    </div>
  );
}

/** A video with controls, or a picture. `follows`: another video that does the same. */
function Moving({
  file,
  label,
  video,
  follows,
  onBroken,
}: {
  file: ViewedFile;
  label: string;
  video: React.Ref<HTMLVideoElement>;
  follows?: React.RefObject<HTMLVideoElement | null>;
  onBroken: (url: string) => void;
}) {
  const name = `${label}: ${file.name}`;
  if (viewKind(file.name, file.mediaType) === "picture")
    return <img className="viewer-moving" src={file.url} alt={name} onError={() => onBroken(file.url)} />;

  function follow({ currentTarget: { currentTime, paused } }: React.SyntheticEvent<HTMLVideoElement>) {
    const other = follows?.current;
    if (!other) return;
    if (Math.abs(other.currentTime - currentTime) > APART_SECONDS) other.currentTime = currentTime;
    if (paused) other.pause();
    // It may not be loaded yet, or gone.
    else if (other.paused) other.play().catch(() => {});
  }

  return (
    <video
      ref={video}
      className="viewer-moving"
      src={file.url}
      aria-label={name}
      controls
      muted
      loop
      playsInline
      preload="metadata"
      onPlay={follow}
      onPause={follow}
      onSeeked={follow}
      onTimeUpdate={follow}
      onError={() => onBroken(file.url)}
    />
  );
}
