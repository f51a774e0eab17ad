import { type FormEvent, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { uniqueId } from "../api/ids.ts";
import { type Catalogue, startOf, useCatalogue } from "../forms/catalogue.ts";
import { validSettings } from "../forms/faults.ts";
import { useNames } from "../forms/names.ts";
import { SettingsForm } from "../forms/SettingsForm.tsx";
import { ToolPicker } from "../forms/ToolPicker.tsx";
import { type Texts, useTexts } from "../i18n/texts.ts";
import { ExtraFileControl } from "../studio/ExtraFileControl.tsx";
import { sendable } from "../studio/extraFiles.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { ErrorNote } from "../ui/Feedback.tsx";
import { TextField } from "../ui/Field.tsx";
import { toast } from "../ui/toasts.tsx";
import {
  added,
  type Draft,
  LONGEST_DESCRIPTION,
  LONGEST_NAME,
  MOST_STEPS,
  moved,
  removed,
  withSettings,
} from "./draft.ts";
import { useSavePipeline } from "./queries.ts";
import { StepRow } from "./StepRow.tsx";
import { useDraft } from "./useDraft.ts";

/** Writes a pipeline: its name, its steps, and the settings of the step that is open. */
export function Editor({ id, start }: { id: string; start: Draft }) {
  const t = useTexts();
  const [, navigate] = useLocation();
  const catalogue = useCatalogue();
  const { draft, change, forget, changed } = useDraft(id, start);
  const [open, setOpen] = useState<string>();
  const [picks, setPicks] = useState(false);
  const [tried, setTried] = useState(false);
  const saving = useSavePipeline();
  const problems = useMemo(() => problemsOf(draft, catalogue, t), [draft, catalogue, t]);
  const isNew = id === "new";
  const missing = !draft.name.trim()
    ? t.pipelines.needsName
    : !draft.steps.length
      ? t.pipelines.needsSteps
      : problems.size
        ? t.pipelines.fixSteps
        : undefined;

  function save(into: string | undefined) {
    setTried(true);
    if (missing || !catalogue) return;
    const steps = draft.steps.map(({ id: operation, settings }) => {
      const entry = catalogue.entry(operation);
      return entry ? sendable({ id: operation, settings }, entry) : { id: operation, settings };
    });
    saving.mutate(
      { name: draft.name.trim(), description: draft.description.trim(), steps, id: into },
      {
        onSuccess: () => {
          forget();
          toast(t.pipelines.saved);
          navigate("/pipelines");
        },
      },
    );
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    save(isNew ? undefined : id);
  }

  return (
    <>
      <form id="pipeline" className="grid-form" onSubmit={submit} noValidate>
        <TextField
          label={t.common.name}
          required
          maxLength={LONGEST_NAME}
          value={draft.name}
          error={tried && !draft.name.trim() && t.pipelines.needsName}
          onChange={({ target }) => change((before) => ({ ...before, name: target.value }))}
        />
        <TextField
          label={t.pipelines.description}
          maxLength={LONGEST_DESCRIPTION}
          value={draft.description}
          onChange={({ target }) => change((before) => ({ ...before, description: target.value }))}
        />
      </form>
      {!draft.steps.length && <p className="muted">{t.pipelines.noSteps}</p>}
      <StepRow
        steps={draft.steps}
        catalogue={catalogue}
        open={open}
        problems={problems}
        onOpen={(key) => setOpen(key === open ? undefined : key)}
        onMove={(from, to) => change((before) => moved(before, from, to))}
        onRemove={(key) => change((before) => removed(before, key))}
        onAdd={draft.steps.length < MOST_STEPS ? () => setPicks(true) : undefined}
      />
      <OpenStep draft={draft} open={open} catalogue={catalogue} change={change} />
      <ErrorNote error={saving.error} />
      <div className="row">
        <Button type="submit" form="pipeline" look="primary" disabled={saving.isPending || (!isNew && !changed)}>
          {t.common.save}
        </Button>
        {!isNew && (
          <Button onClick={() => save(undefined)} disabled={saving.isPending}>
            {t.pipelines.saveNew}
          </Button>
        )}
        {changed && (
          <Button look="quiet" onClick={forget} disabled={saving.isPending}>
            {t.pipelines.discard}
          </Button>
        )}
        <span role="status" className="pipeline-missing">
          {tried && missing}
        </span>
      </div>
      {picks && (
        <Dialog title={t.pipelines.pickStep} wide onClose={() => setPicks(false)}>
          <ToolPicker
            among={({ entry }) => entry.step === true || (!draft.steps.length && entry.inputs.max > 0)}
            onPick={(picked) => {
              const key = uniqueId();
              change((before) => added(before, { key, id: picked.id, settings: startOf(picked) }));
              setOpen(key);
              setPicks(false);
            }}
          />
        </Dialog>
      )}
    </>
  );
}

function OpenStep({
  draft,
  open,
  catalogue,
  change,
}: {
  draft: Draft;
  open: string | undefined;
  catalogue: Catalogue | undefined;
  change: (next: (draft: Draft) => Draft) => void;
}) {
  const t = useTexts();
  const names = useNames();
  const step = draft.steps.find(({ key }) => key === open);
  const entry = step && catalogue?.entry(step.id);
  if (!step || !entry) return null;
  const title = t.pipelines.settingsOf(names.of(step.id));
  return (
    <section className="card step-settings" aria-label={title}>
      <h2>{title}</h2>
      <SettingsForm
        key={step.key}
        entry={entry}
        value={step.settings}
        onChange={(settings) => change((before) => withSettings(before, step.key, settings))}
        renderFile={(field, value, onChange) => (
          <ExtraFileControl field={field} value={value} onChange={onChange} picture={undefined} />
        )}
      />
    </section>
  );
}

function problemsOf(draft: Draft, catalogue: Catalogue | undefined, t: Texts): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (!catalogue) return found;
  for (const { key, id, settings } of draft.steps) {
    const entry = catalogue.entry(id);
    if (!entry) found.set(key, t.pipelines.unknownTool);
    else if (!validSettings(entry, settings)) found.set(key, t.pipelines.invalid);
  }
  return found;
}
