import { useMutation, useQuery } from "@tanstack/react-query";
import { Download, Sparkles } from "lucide-react";
import { data, v1 } from "../api/client.ts";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { ErrorNote } from "../ui/Feedback.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { ResultView } from "../viewer/ResultView.tsx";
import { download } from "./calls.ts";
import type { LibraryFile } from "./keeping.ts";
import { moves, sizeOf } from "./sizes.ts";
import { Thumbnail } from "./Thumbnail.tsx";

/** A file with all its versions, the newest first. */
export function VersionsDialog({
  of,
  onUse,
  onDelete,
  busy,
  onClose,
}: {
  of: LibraryFile;
  /** Undefined if the caller may not. */
  onUse: ((id: string) => void) | undefined;
  onDelete: (() => Promise<void>) | undefined;
  busy: boolean;
  onClose: () => void;
}) {
  const t = useTexts();
  const chain = useQuery({
    queryKey: ["library", "versions", of.id],
    queryFn: () => data(v1.GET("/v1/library/{id}", { params: { path: { id: of.id } } })),
  });
  const downloading = useMutation({ mutationFn: download });
  return (
    <Dialog title={of.name} onClose={onClose} wide>
      <ErrorNote error={downloading.error} />
      {moves(of) && <Player of={of} />}
      <Loaded query={chain}>
        {({ versions }) => (
          <ol className="versions">
            {[...versions].reverse().map((version) => (
              <Version
                key={version.id}
                version={version}
                busy={busy}
                onUse={onUse}
                onDownload={() => downloading.mutate(version.id)}
              />
            ))}
          </ol>
        )}
      </Loaded>
      {onDelete && (
        <div className="dialog-foot">
          <ConfirmButton
            label={t.common.delete}
            title={t.library.deleteHowMany(1)}
            text={t.library.deleteWhat}
            small={false}
            run={onDelete}
          />
        </div>
      )}
    </Dialog>
  );
}

/** Plays a file that moves: its thumbnail is one frame. */
function Player({ of }: { of: LibraryFile }) {
  const url = useQuery({
    queryKey: ["library", "download-url", of.id],
    queryFn: () => data(v1.GET("/v1/library/{id}/download-url", { params: { path: { id: of.id } } })),
    // Another URL would load it again.
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <>
      <ErrorNote error={url.error} />
      {url.data && (
        <ResultView file={{ name: of.name, url: url.data.download_url, mediaType: of.media_type, size: of.size }} />
      )}
    </>
  );
}

function Version({
  version,
  busy,
  onUse,
  onDownload,
}: {
  version: LibraryFile;
  busy: boolean;
  onUse: ((id: string) => void) | undefined;
  onDownload: () => void;
}) {
  const t = useTexts();
  const format = useFormats();
  return (
    <li>
      <Thumbnail of={version} />
      <div className="version-about">
        <strong>{t.library.version(version.version)}</strong>
        <span className="muted">
          {[sizeOf(version, t, format.number), format.bytes(version.size), format.date(version.created_at)]
            .filter(Boolean)
            .join(" · ")}
        </span>
        <span>{version.tools.length ? version.tools.join(" → ") : t.library.original}</span>
      </div>
      <div className="row">
        {onUse && (
          <Button small disabled={busy} onClick={() => onUse(version.id)}>
            <Sparkles aria-hidden />
            {t.library.use}
          </Button>
        )}
        <IconButton label={t.library.download(version.name)} small onClick={onDownload}>
          <Download />
        </IconButton>
      </div>
    </li>
  );
}
