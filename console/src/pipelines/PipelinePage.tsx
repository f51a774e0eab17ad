import { ArrowLeft } from "lucide-react";
import { useMemo } from "react";
import { Link, useParams } from "wouter";
import { useTexts } from "../i18n/texts.ts";
import { Note } from "../ui/Feedback.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { EMPTY, fromSaved, type SavedPipeline } from "./draft.ts";
import { Editor } from "./Editor.tsx";
import { usePipelines } from "./queries.ts";
import "../styles/pipelines.css";

/** A saved pipeline, or with the id `new` one that is yet to be saved. */
export default function PipelinePage() {
  const t = useTexts();
  const { id = "new" } = useParams<{ id: string }>();
  const pipelines = usePipelines();
  const title = pipelines.data?.find((each) => each.id === id)?.name;
  return (
    <Page title={id === "new" ? t.pipelines.newTitle : (title ?? t.pipelines.title)} about={t.pipelines.about}>
      <Link href="/pipelines" className="pipeline-back">
        <ArrowLeft aria-hidden />
        {t.pipelines.all}
      </Link>
      {id === "new" ? (
        <Editor key="new" id="new" start={EMPTY} />
      ) : (
        <Loaded query={pipelines}>{(data) => <Existing key={id} id={id} pipelines={data} />}</Loaded>
      )}
    </Page>
  );
}

function Existing({ id, pipelines }: { id: string; pipelines: readonly SavedPipeline[] }) {
  const t = useTexts();
  const saved = pipelines.find((each) => each.id === id);
  const start = useMemo(() => saved && fromSaved(saved), [saved]);
  if (!start) return <Note tone="warn">{t.pipelines.gone}</Note>;
  return <Editor id={id} start={start} />;
}
