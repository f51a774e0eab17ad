import { useId, useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { ErrorNote, Loading } from "../ui/Feedback.tsx";
import { CopyButton } from "./CopyButton.tsx";
import { DownloadButton } from "./DownloadButton.tsx";
import { useContent } from "./fetched.ts";
import type { ViewedFile } from "./files.ts";
import { JsonTree } from "./JsonTree.tsx";
import type { Json } from "./json.ts";
import { Text } from "./TextView.tsx";

/** The data from a tool: as tables, colours and texts, or raw. */
export function JsonView({ file }: { file: ViewedFile }) {
  const t = useTexts().viewer;
  const id = useId();
  const [raw, setRaw] = useState(false);
  const { content, error, again } = useContent(file.url, (response) => response.text(), "text");
  if (error) return <ErrorNote error={error} onRetry={again} />;
  if (content === undefined) return <Loading />;
  const value = parsed(content);
  const source = value === undefined ? content : JSON.stringify(value, null, 2);
  return (
    <div className="viewer">
      <div className="viewer-bar">
        {value !== undefined && (
          <fieldset className="segments">
            <legend className="hidden-visually">{t.mode}</legend>
            {[false, true].map((which) => (
              <label key={String(which)}>
                <input
                  type="radio"
                  className="hidden-visually"
                  name={id}
                  checked={raw === which}
                  onChange={() => setRaw(which)}
                />
                <span>{which ? t.source : t.readable}</span>
              </label>
            ))}
          </fieldset>
        )}
        <div className="viewer-actions">
          <CopyButton text={source} />
          <DownloadButton file={file} />
        </div>
      </div>
      {raw || value === undefined ? (
        <Text text={source} label={`${t.text}: ${file.name}`} />
      ) : (
        <div className="json card">
          <JsonTree value={value} label={file.name} />
        </div>
      )}
    </div>
  );
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
