import { Download } from "lucide-react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { IconButton } from "../ui/Button.tsx";
import { Badge } from "../ui/Feedback.tsx";
import type { LibraryFile } from "./keeping.ts";
import { sizeOf } from "./sizes.ts";
import { Thumbnail } from "./Thumbnail.tsx";

export function FileCard({
  file,
  chosen,
  onChoose,
  onShow,
  onDownload,
}: {
  file: LibraryFile;
  chosen: boolean;
  onChoose: (chosen: boolean) => void;
  onShow: () => void;
  onDownload: () => void;
}) {
  const t = useTexts();
  const format = useFormats();
  return (
    <li className={chosen ? "file-card picked" : "file-card"}>
      <label className="choose">
        <input type="checkbox" checked={chosen} onChange={({ target }) => onChoose(target.checked)} />
        <span className="hidden-visually">{t.library.choose(file.name)}</span>
      </label>
      <button type="button" className="show" title={file.name} translate="no" onClick={onShow}>
        <Thumbnail of={file} />
        <span className="file-card-name">{file.name}</span>
      </button>
      <div className="file-foot">
        <span className="muted">
          {[sizeOf(file, t, format.number), format.bytes(file.size)].filter(Boolean).join(" · ")}
        </span>
        {file.version > 1 && <Badge>{t.library.version(file.version)}</Badge>}
        <IconButton label={t.library.download(file.name)} look="quiet" small onClick={onDownload}>
          <Download />
        </IconButton>
      </div>
    </li>
  );
}
