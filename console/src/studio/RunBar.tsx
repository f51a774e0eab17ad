import { LoaderCircle, Play } from "lucide-react";
import { useEffect, useRef } from "react";
import type { FormEntry } from "../forms/entries.ts";
import { type Texts, useTexts } from "../i18n/texts.ts";
import { runs } from "../runs/index.ts";
import type { Choice, RunInput } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { Note } from "../ui/Feedback.tsx";
import { isBehindDialog } from "../ui/shortcuts.ts";
import { fitting, type Problem, together } from "./fitting.ts";
import { Price, usePrice } from "./Price.tsx";
import { Unfit } from "./Unfit.tsx";
import { useStart } from "./useStart.ts";

/**
 * The button that runs an operation, its price, and the files that it does not take. Enter presses it, too. `ready`: the settings are valid,
 * and the models are there; `still`: the step of several that takes no videos.
 */
export function RunBar({
  title,
  entry,
  steps,
  inputs,
  ready,
  valid,
  picture,
  still,
  onRun,
}: {
  title: string;
  entry: FormEntry;
  steps: readonly Choice[];
  inputs: readonly RunInput[];
  ready: boolean;
  valid: boolean;
  picture: string | undefined;
  still: string | undefined;
  onRun: (runId: string) => void;
}) {
  const t = useTexts();
  const { fit, unfit, problem } = fitting(entry, inputs);
  const oneResult = together(entry);
  const { key, busy } = useStart(JSON.stringify([steps, fit.map((input) => input.uploadId ?? input.fileId)]));
  const priced = usePrice({ steps, inputs: fit, together: oneResult, picture });
  const enabled = ready && problem === undefined && !busy;

  function run() {
    if (!enabled) return;
    onRun(runs.start(steps, fit, { together: oneResult, key, secondsEach: priced.data?.secondsEach }).id);
  }

  useEnter(run);
  return (
    <div className="run-bar">
      <Unfit title={title} entry={entry} inputs={unfit} still={still} />
      {problem && problem.kind !== "none fit" && inputs.length > 0 && <Note tone="warn">{inWords(problem, t)}</Note>}
      {oneResult && fit.length > 1 && <p className="muted">{t.studio.together}</p>}
      <div className="row">
        <Button look="primary" disabled={!enabled} aria-busy={busy} onClick={run}>
          {busy ? <LoaderCircle className="spin" aria-hidden /> : <Play aria-hidden />}
          {busy
            ? t.studio.starting
            : entry.inputs.max === 0 || (fit.length === 0 && entry.inputs.min === 0)
              ? t.studio.runNoInput
              : t.studio.run(oneResult ? 1 : fit.length)}
        </Button>
        {valid && !problem && <Price priced={priced} />}
      </div>
    </div>
  );
}

/** Inputs in which Enter does something else. */
const ENTERED = new Set(["file", "color", "button"]);

/** Enter in an input, or where nothing has the focus. */
function useEnter(act: () => void): void {
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || event.defaultPrevented || event.isComposing || event.repeat || isBehindDialog())
        return;
      const { target } = event;
      const nowhere = target === document.body || (target instanceof HTMLElement && target.id === "content");
      const inForm =
        target instanceof HTMLInputElement && !ENTERED.has(target.type) && target.closest(".work") !== null;
      if (!nowhere && !inForm) return;
      event.preventDefault();
      latest.current();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

function inWords(problem: Exclude<Problem, { kind: "none fit" }>, t: Texts): string {
  return problem.kind === "too few" ? t.studio.tooFew(problem.min) : t.studio.tooMany(problem.max);
}
