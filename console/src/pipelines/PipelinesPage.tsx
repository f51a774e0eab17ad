import { ChevronRight, Pencil, Play, Plus, Trash2, Workflow } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useCatalogue } from "../forms/catalogue.ts";
import { useNames } from "../forms/names.ts";
import { ToolPicture } from "../forms/ToolCard.tsx";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { Confirm } from "../ui/Dialog.tsx";
import { Empty, ErrorNote } from "../ui/Feedback.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { toast } from "../ui/toasts.tsx";
import { type SavedPipeline, stepsOf } from "./draft.ts";
import { useDeletePipeline, usePipelines } from "./queries.ts";
import "../styles/pipelines.css";

/** Saved pipelines, to be run on files, changed and deleted. */
export default function PipelinesPage() {
  const t = useTexts();
  const list = usePipelines();
  const [asked, setAsked] = useState<SavedPipeline>();
  const deleting = useDeletePipeline();
  return (
    <Page title={t.pipelines.title} about={t.pipelines.about} actions={<AddLink />}>
      <ErrorNote error={deleting.error} />
      <Loaded query={list}>
        {(pipelines) =>
          pipelines.length ? (
            <ul className="pipelines">
              {pipelines.map((pipeline) => (
                <li key={pipeline.id}>
                  <PipelineCard pipeline={pipeline} onDelete={() => setAsked(pipeline)} />
                </li>
              ))}
            </ul>
          ) : (
            <Empty icon={<Workflow aria-hidden />}>
              <p>{t.pipelines.empty}</p>
            </Empty>
          )
        }
      </Loaded>
      {asked && (
        <Confirm
          title={t.pipelines.deleting(asked.name)}
          text={t.pipelines.deletingWhy}
          action={t.common.delete}
          busy={deleting.isPending}
          onClose={() => setAsked(undefined)}
          onConfirm={() => {
            deleting.mutate(asked.id, { onSuccess: () => toast(t.pipelines.deleted) });
            setAsked(undefined);
          }}
        />
      )}
    </Page>
  );
}

function AddLink() {
  const t = useTexts();
  return (
    <Link href="/pipelines/new" className="button primary">
      <Plus aria-hidden />
      {t.pipelines.add}
    </Link>
  );
}

function PipelineCard({ pipeline, onDelete }: { pipeline: SavedPipeline; onDelete: () => void }) {
  const t = useTexts();
  const formats = useFormats();
  const [, navigate] = useLocation();
  const steps = stepsOf(pipeline);
  return (
    <article className="card pipeline-card">
      <div className="pipeline-head">
        <div>
          <h2 translate="no">{pipeline.name}</h2>
          {pipeline.description && <p translate="no">{pipeline.description}</p>}
          <p className="muted">
            {steps.length ? t.pipelines.steps(steps.length) : t.pipelines.elsewhere} ·{" "}
            {formats.date(pipeline.created_at)}
          </p>
        </div>
        <div className="row">
          <Button
            look="primary"
            aria-label={t.pipelines.runOne(pipeline.name)}
            disabled={!steps.length}
            onClick={() => navigate(`/?pipeline=${pipeline.id}`)}
          >
            <Play aria-hidden />
            {t.pipelines.run}
          </Button>
          <Link className="button" href={`/pipelines/${pipeline.id}`} aria-label={t.pipelines.editOne(pipeline.name)}>
            <Pencil aria-hidden />
            {t.common.edit}
          </Link>
          <IconButton look="danger" label={t.pipelines.deleteOne(pipeline.name)} onClick={onDelete}>
            <Trash2 aria-hidden />
          </IconButton>
        </div>
      </div>
      <Steps pipeline={pipeline} />
    </article>
  );
}

function Steps({ pipeline }: { pipeline: SavedPipeline }) {
  const t = useTexts();
  const names = useNames();
  const catalogue = useCatalogue();
  return (
    <ol className="pipeline-steps" aria-label={t.pipelines.row}>
      {stepsOf(pipeline).map(({ id }, index, { length }) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an operation may be there twice, and a saved pipeline never changes.
        <li key={index}>
          <ToolPicture id={id} category={catalogue?.entry(id)?.category ?? ""} />
          <span>{names.of(id)}</span>
          {index < length - 1 && <ChevronRight className="pipeline-next" aria-hidden />}
        </li>
      ))}
    </ol>
  );
}
