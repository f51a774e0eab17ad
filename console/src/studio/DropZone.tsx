import { FolderOpen, ImagePlus, Upload } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { toast } from "../ui/toasts.tsx";
import { chosen, type DroppedFile, dropped } from "../uploads/index.ts";

/**
 * Where files come in: dropped anywhere on the page, pasted, or chosen. `large`: it is what the page is about, as long as there is
 * nothing else on it.
 */
export function DropZone({ large, onFiles }: { large: boolean; onFiles: (files: DroppedFile[]) => void }) {
  const t = useTexts();
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const over = useDropsOnPage((found) => (found.length ? onFiles(found) : toast(t.studio.nothingUsable, "warn")));

  function take(input: HTMLInputElement) {
    if (input.files?.length) onFiles(chosen(input.files));
    // The same file can be chosen again.
    input.value = "";
  }

  return (
    <div className={large ? "drop-zone large" : "drop-zone"}>
      {large && <Upload className="drop-sign" aria-hidden />}
      <p>{large ? t.studio.drop : t.studio.dropMore}</p>
      <div className="row">
        <Button look={large ? "primary" : undefined} onClick={() => files.current?.click()}>
          <ImagePlus aria-hidden />
          {t.studio.chooseFiles}
        </Button>
        <Button onClick={() => folder.current?.click()}>
          <FolderOpen aria-hidden />
          {t.studio.chooseFolder}
        </Button>
      </div>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-hidden
        tabIndex={-1}
        data-testid="files"
        onChange={(event) => take(event.currentTarget)}
      />
      <input
        ref={folder}
        type="file"
        hidden
        aria-hidden
        tabIndex={-1}
        data-testid="folder"
        // A type of React's has no name for it.
        {...{ webkitdirectory: true }}
        onChange={(event) => take(event.currentTarget)}
      />
      {over && (
        <div className="drop-over" aria-hidden>
          <p>{t.studio.release}</p>
        </div>
      )}
    </div>
  );
}

/** Files that are dropped anywhere or pasted. Returns whether some are held over the page. */
function useDropsOnPage(take: (files: DroppedFile[]) => void): boolean {
  const [over, setOver] = useState(false);
  const latest = useRef(take);
  useEffect(() => {
    latest.current = take;
  });
  useEffect(() => {
    const hasFiles = (event: DragEvent) => Boolean(event.dataTransfer?.types.includes("Files"));
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const hold = (event: DragEvent) => hasFiles(event) && event.preventDefault();
    const leave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth -= 1;
      if (depth <= 0) setOver(false);
    };
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (!event.dataTransfer || !hasFiles(event)) return;
      event.preventDefault();
      void dropped(event.dataTransfer).then((found) => latest.current(found));
    };
    const paste = (event: ClipboardEvent) => {
      const pasted = event.clipboardData?.files;
      if (pasted?.length) latest.current(chosen(pasted));
    };
    const heard = { dragenter: enter, dragover: hold, dragleave: leave, drop, paste } as const;
    for (const [name, listener] of Object.entries(heard)) window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(heard)) window.removeEventListener(name, listener as EventListener);
    };
  }, []);
  return over;
}
