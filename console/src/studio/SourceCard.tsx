import { X } from "lucide-react";
import { useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { desk, type Source } from "./desk.ts";
import { MoveHandle } from "./MoveHandle.tsx";

const SHOWN = 12;

/** Files of the server that are worked on in place of uploads, in their order. */
export function SourceCard({ source }: { source: Extract<Source, { kind: "files" }> }) {
  const t = useTexts();
  const [moved, setMoved] = useState("");
  const { inputs } = source;
  const count = inputs.length;
  const title =
    source.from === "library"
      ? t.studio.fromLibrary(count)
      : source.of
        ? t.studio.fromBefore(count, source.of)
        : t.studio.files(count);

  function move(from: number, place: number) {
    const input = inputs[from];
    if (!input || place < 0 || place >= count) return;
    const others = inputs.filter((_, index) => index !== from);
    desk.set({ source: { ...source, inputs: [...others.slice(0, place), input, ...others.slice(place)] } });
    setMoved(t.studio.movedFile(input.name, place + 1, count));
  }

  return (
    <section className="card source" aria-label={t.studio.filesTitle}>
      <h2>{title}</h2>
      <ol className="source-files">
        {inputs.slice(0, SHOWN).map((input, index) => (
          <li key={input.fileId ?? input.uploadId} data-place={index}>
            {count > 1 && <MoveHandle name={input.name} index={index} onMove={(place) => move(index, place)} />}
            <span className="file-name" translate="no">
              {input.name}
            </span>
          </li>
        ))}
        {count > SHOWN && <li>…</li>}
      </ol>
      <p className="hidden-visually" role="status">
        {moved}
      </p>
      <Button small onClick={() => desk.takeUploads()}>
        <X aria-hidden />
        {t.studio.toUploads}
      </Button>
    </section>
  );
}
