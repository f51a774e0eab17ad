import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { ErrorNote, Loading } from "../ui/Feedback.tsx";
import { CopyButton } from "./CopyButton.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import { useContent } from "./fetched.ts";
import type { ViewedFile } from "./files.ts";

/** Characters; a page with more is slow. */
const MOST = 200_000;

export function TextView({ file }: { file: ViewedFile }) {
  const t = useTexts().viewer;
  const { number } = useFormats();
  const { content, error, again } = useContent(file.url, (response) => response.text(), "text");
  if (error) return <ErrorNote error={error} onRetry={again} />;
  if (content === undefined) return <Loading />;
  return (
    <div className="viewer">
      <div className="viewer-bar">
        <span className="viewer-name" translate="no">
          {file.name}
        </span>
        <div className="viewer-actions">
          <CopyButton text={content} />
          <DownloadButton file={file} />
        </div>
      </div>
      {content ? <Text text={content.slice(0, MOST)} label={`${t.text}: ${file.name}`} /> : <p>{t.emptyText}</p>}
      {content.length > MOST && <p className="muted">{t.cut(number(MOST))}</p>}
    </div>
  );
}

/** A plain text; it scrolls, so the keyboard reaches it. */
export function Text({ text, label }: { text: string; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached
    <section className="viewer-text" tabIndex={0} aria-label={label}>
      <pre>{text}</pre>
    </section>
  );
}
