import { useCallback, useEffect, useMemo, useRef } from "react";
import { useCatalogue } from "../forms/catalogue.ts";
import { useNames } from "../forms/names.ts";
import { useTexts } from "../i18n/texts.ts";
import { useRuns } from "../runs/index.ts";
import type { RunInput } from "../runs/types.ts";
import "../styles/studio.css";
import { Note } from "../ui/Feedback.tsx";
import { Page } from "../ui/Page.tsx";
import { type Upload, uploads, useUploads } from "../uploads/index.ts";
import { isAside } from "./aside.ts";
import { DropZone } from "./DropZone.tsx";
import { desk, useDesk } from "./desk.ts";
import { FileList, TroubledFiles } from "./FileList.tsx";
import { RunCard } from "./RunCard.tsx";
import { SourceCard } from "./SourceCard.tsx";
import { useAsked } from "./useAsked.ts";
import { WorkPanel } from "./WorkPanel.tsx";

/** Where people drop files, choose what is done with them, and get the results. */
export default function StudioPage() {
  const t = useTexts();
  const all = useUploads();
  const files = useMemo(() => all.filter((file) => !isAside(file)), [all]);
  const runs = useRuns();
  const { source, steps, pipeline, runId } = useDesk();
  const catalogue = useCatalogue();
  const names = useNames();
  const asked = useAsked();
  const beside = useRef<HTMLElement>(null);
  const work = useRef<HTMLDivElement>(null);
  const begun = useRef<string>(undefined);

  const toWork = useCallback(() => work.current && reveal(work.current), []);
  // A run is in the page once it was drawn.
  useEffect(() => {
    if (begun.current === undefined || begun.current !== runId || !beside.current) return;
    begun.current = undefined;
    reveal(beside.current);
  });
  const [choice] = steps;
  const entry = choice && pipeline === undefined ? catalogue?.entry(choice.id) : undefined;
  const chosen = choice && entry && { entry, title: names.of(choice.id) };
  const newest = runs.find(({ id }) => id === runId);
  const others = runs.filter((run) => run !== newest);

  const inputs = useMemo(
    () =>
      source.kind === "files"
        ? source.inputs
        : files.filter((file) => file.state !== "refused" && file.state !== "lost").map(ofUpload),
    [source, files],
  );
  const previews = useMemo(() => new Map(files.map((file) => [file.id, file.preview])), [files]);

  return (
    <Page title={t.studio.title} about={t.studio.about}>
      {asked.problem && <Note tone="warn">{t.studio.pipelineGone}</Note>}
      <DropZone
        large={files.length === 0 && source.kind === "uploads"}
        onFiles={(dropped) => {
          uploads.add(dropped);
          desk.takeUploads();
        }}
      />
      <TroubledFiles files={files} />
      <div className={steps.length ? "studio chosen" : "studio"} ref={work}>
        {source.kind === "files" && <SourceCard source={source} />}
        {source.kind === "uploads" && files.length > 0 && <FileList files={files} chosen={chosen} />}
        <WorkPanel
          inputs={inputs}
          pictureOf={(input) => (input.uploadId ? previews.get(input.uploadId) : undefined)}
          onRun={(id) => {
            begun.current = id;
            desk.set({ runId: id });
          }}
        />
        {newest && (
          <section className="beside" ref={beside} aria-label={t.studio.result}>
            <RunCard key={newest.id} run={newest} onWork={toWork} />
          </section>
        )}
      </div>
      {others.length > 0 && (
        <section className="results" aria-label={t.studio.results}>
          <h2>{t.studio.results}</h2>
          {others.map((run) => (
            <RunCard key={run.id} run={run} onWork={toWork} />
          ))}
        </section>
      )}
    </Page>
  );
}

/** How much of the window is above something that is already well in view. */
const HIGH = 0.4;

/** Bring something to the top of the window, unless it is there. */
function reveal(element: HTMLElement): void {
  const { top } = element.getBoundingClientRect();
  if (top >= 0 && top < window.innerHeight * HIGH) return;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

/** Its id at the server counts once the bytes are there, too. */
function ofUpload(file: Upload): RunInput {
  return { uploadId: file.id, fileId: file.state === "done" ? file.fileId : undefined, name: file.name };
}
