import type { ReactNode } from "react";
import { useFormats } from "../i18n/format.ts";
import { Note } from "../ui/Feedback.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import type { ViewedFile } from "./files.ts";

/** The name and the size of a file that is not shown, and why. */
export function NoView({ file, children }: { file: ViewedFile; children: ReactNode }) {
  const { bytes } = useFormats();
  return (
    <div className="viewer">
      <Note>{children}</Note>
      <div className="viewer-file">
        <span>
          <b translate="no">{file.name}</b>
          {file.size !== undefined && <span className="muted"> {bytes(file.size)}</span>}
        </span>
        <DownloadButton file={file} />
      </div>
    </div>
  );
}
