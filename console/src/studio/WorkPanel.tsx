import { ArrowLeft, Pencil } from "lucide-react";
import { useId, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { uniqueId } from "../api/ids.ts";
import { startOf, useCatalogue } from "../forms/catalogue.ts";
import type { FormEntry } from "../forms/entries.ts";
import { validSettings } from "../forms/faults.ts";
import { useNames } from "../forms/names.ts";
import { SettingsForm } from "../forms/SettingsForm.tsx";
import { ToolPicker } from "../forms/ToolPicker.tsx";
import { useTexts } from "../i18n/texts.ts";
import { keepDraft } from "../pipelines/useDraft.ts";
import type { Choice, RunInput } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { Loading, Note } from "../ui/Feedback.tsx";
import { useFirstFrame } from "../viewer/useFirstFrame.ts";
import { desk, useDesk } from "./desk.ts";
import { ExtraFileControl } from "./ExtraFileControl.tsx";
import { sendable } from "./extraFiles.ts";
import { FirstPage, useFirstPage } from "./FirstPage.tsx";
import { fitting, isGif, kindOf, ofSteps, stillStep, together } from "./fitting.ts";
import { LivePreview } from "./LivePreview.tsx";
import { Recipes } from "./Recipes.tsx";
import { RunBar } from "./RunBar.tsx";
import { SavedSettings } from "./SavedSettings.tsx";
import { useBundleMissing } from "./useBundleMissing.ts";
import { useOriginal } from "./useOriginal.ts";

/** The operation on the inputs: chosen by its picture, set up, tried on one, and run. `pictureOf` gives a URL of an input's picture. */
export function WorkPanel({
  inputs,
  pictureOf,
  onRun,
}: {
  inputs: readonly RunInput[];
  pictureOf: (input: RunInput) => string | undefined;
  onRun: (runId: string) => void;
}) {
  const t = useTexts();
  const { steps, pipeline } = useDesk();
  const catalogue = useCatalogue();
  const heading = useId();
  const [choice] = steps;
  const entry = choice && catalogue?.entry(choice.id);
  const kinds = useMemo(() => [...new Set(inputs.map((input) => kindOf(input.name)))], [inputs]);
  if (!choice) {
    return (
      <section className="card work" aria-labelledby={heading}>
        <h2 id={heading}>{t.studio.choose}</h2>
        {inputs.length === 0 && <p className="muted">{t.studio.none}</p>}
        <ToolPicker
          kinds={kinds}
          lead={(kinds.length === 0 || kinds.includes("image")) && <Recipes />}
          onPick={(picked) => desk.choose({ id: picked.id, settings: startOf(picked) })}
        />
      </section>
    );
  }
  if (!entry) return <Loading />;
  return <Chosen key={choice.id} {...{ choice, steps, pipeline, entry, inputs, pictureOf, onRun }} />;
}

function Chosen({
  choice,
  steps,
  pipeline,
  entry,
  inputs,
  pictureOf,
  onRun,
}: {
  choice: Choice;
  steps: readonly Choice[];
  pipeline: string | undefined;
  entry: FormEntry;
  inputs: readonly RunInput[];
  pictureOf: (input: RunInput) => string | undefined;
  onRun: (runId: string) => void;
}) {
  const t = useTexts();
  const names = useNames();
  const catalogue = useCatalogue();
  const [, navigate] = useLocation();
  const heading = useId();
  const [example, setExample] = useState(0);
  const missing = useBundleMissing(entry.bundle);
  const entries = steps.map(({ id }) => catalogue?.entry(id));
  const taken = ofSteps(entry, entries);
  const still = steps.length > 1 ? stillStep(entries) : undefined;
  const { fit } = fitting(taken, inputs);
  const valid = pipeline !== undefined || validSettings(entry, choice.settings);
  const sent = useMemo(
    () => (pipeline === undefined ? [sendable(choice, entry)] : [...steps]),
    [pipeline, choice, entry, steps],
  );
  const one = fit[Math.min(example, fit.length - 1)];
  const original = useOriginal(one);
  const video = one !== undefined && kindOf(one.name) === "video";
  const frame = useFirstFrame(video ? original?.url : undefined);
  const picture =
    one && (video ? frame : (pictureOf(one) ?? (kindOf(one.name) === "image" ? original?.url : undefined)));
  const page = useFirstPage(one);
  const drawsOnPage = one && kindOf(one.name) === "pdf" && entry.fields.some((field) => field.type === "boxes");
  const oneResult = together(entry);

  const title = pipeline === undefined ? names.of(choice.id) : t.studio.pipeline(pipeline);

  return (
    <section className="card work" aria-labelledby={heading}>
      <div className="page-head">
        <h2 id={heading}>{title}</h2>
        {pipeline !== undefined && (
          <Button
            small
            look="quiet"
            onClick={() => {
              keepDraft({
                name: pipeline,
                description: "",
                steps: steps.map((step) => ({ key: uniqueId(), ...step })),
              });
              navigate("/pipelines/new");
            }}
          >
            <Pencil aria-hidden />
            {t.studio.editSteps}
          </Button>
        )}
        <Button small look="quiet" onClick={() => desk.chooseNothing()}>
          <ArrowLeft aria-hidden />
          {t.studio.change}
        </Button>
      </div>
      {pipeline === undefined ? (
        <p className="muted">{names.summary(choice.id)}</p>
      ) : (
        <ol className="steps-line">
          {steps.map((step, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a pipeline may have the same step twice, and its steps stay where they are.
            <li key={index}>{names.of(step.id)}</li>
          ))}
        </ol>
      )}
      {missing && <Note tone="warn">{t.studio.unavailable(missing)}</Note>}
      {pipeline === undefined && (
        <SavedSettings
          choice={choice}
          entry={entry}
          valid={valid}
          onPick={(settings) => desk.choose({ id: choice.id, settings: { ...settings } })}
        />
      )}
      {pipeline === undefined && drawsOnPage && !page.url && <FirstPage page={page} />}
      {pipeline === undefined && (
        <SettingsForm
          entry={entry}
          value={choice.settings}
          onChange={(settings) => desk.choose({ ...choice, settings: { ...settings } })}
          picture={drawsOnPage ? page.url : picture}
          renderFile={(field, value, onChange) => (
            <ExtraFileControl field={field} value={value} onChange={onChange} picture={picture} />
          )}
        />
      )}
      {one && !oneResult && (
        <LivePreview
          steps={sent}
          ready={valid && !missing}
          live={steps.length === 1 && entry.plain === true && !video && !isGif(one.name)}
          video={video}
          input={one}
          picture={picture}
          inputs={fit}
          onInput={setExample}
        />
      )}
      <RunBar
        title={title}
        entry={taken}
        steps={sent}
        inputs={inputs}
        still={still && names.of(still.id)}
        ready={valid && !missing}
        valid={valid}
        picture={picture}
        onRun={onRun}
      />
    </section>
  );
}
