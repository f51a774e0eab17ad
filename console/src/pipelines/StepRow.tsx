import { ChevronLeft, ChevronRight, GripVertical, Plus, TriangleAlert, X } from "lucide-react";
import { type DragEvent, useState } from "react";
import type { Catalogue } from "../forms/catalogue.ts";
import { useNames } from "../forms/names.ts";
import { ToolPicture } from "../forms/ToolCard.tsx";
import { useTexts } from "../i18n/texts.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import type { DraftStep } from "./draft.ts";
import { StepSummary } from "./StepSummary.tsx";

/** The steps as cards in a row: one is open, all can be moved by buttons and by dragging, and removed. */
export function StepRow({
  steps,
  catalogue,
  open,
  problems,
  onOpen,
  onMove,
  onRemove,
  onAdd,
}: {
  steps: readonly DraftStep[];
  catalogue: Catalogue | undefined;
  /** Key of the step whose settings are shown. */
  open: string | undefined;
  /** The problems with steps, by their keys. */
  problems: ReadonlyMap<string, string>;
  onOpen: (key: string) => void;
  onMove: (from: number, to: number) => void;
  onRemove: (key: string) => void;
  /** Undefined: there are as many steps as there can be. */
  onAdd: (() => void) | undefined;
}) {
  const t = useTexts();
  const names = useNames();
  const [dragged, setDragged] = useState<string>();
  const [said, setSaid] = useState("");

  function move(from: number, to: number) {
    const step = steps[from];
    if (!step || to < 0 || to >= steps.length) return;
    onMove(from, to);
    setSaid(t.pipelines.moved(names.of(step.id), to + 1, steps.length));
  }

  function dragOver(event: DragEvent, index: number) {
    const from = steps.findIndex(({ key }) => key === dragged);
    if (from < 0) return;
    event.preventDefault();
    if (from !== index && beyondMiddle(event, from < index)) onMove(from, index);
  }

  return (
    <>
      <ol className="step-row" aria-label={t.pipelines.row}>
        {steps.map((step, index) => {
          const name = names.of(step.id);
          const entry = catalogue?.entry(step.id);
          const problem = problems.get(step.key);
          return (
            <li
              key={step.key}
              className={["card step-card", step.key === open && "open", step.key === dragged && "dragged"]
                .filter(Boolean)
                .join(" ")}
              draggable
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = "move";
                event.dataTransfer.setData("text/plain", name);
                setDragged(step.key);
              }}
              onDragOver={(event) => dragOver(event, index)}
              onDragEnd={() => setDragged(undefined)}
              onDrop={(event) => event.preventDefault()}
            >
              <button
                type="button"
                className="step-open"
                aria-expanded={step.key === open}
                onClick={() => onOpen(step.key)}
              >
                <ToolPicture id={step.id} category={entry?.category ?? ""} />
                <b>
                  {index + 1}. {name}
                </b>
                <StepSummary entry={entry} settings={step.settings} />
              </button>
              {problem && (
                <span className="step-problem">
                  <TriangleAlert aria-hidden />
                  {problem}
                </span>
              )}
              <div className="step-buttons">
                {/* Some browsers start no drag on a button. */}
                <GripVertical className="step-grip" aria-hidden />
                <IconButton
                  small
                  look="quiet"
                  label={t.pipelines.earlier(name)}
                  disabled={index === 0}
                  onClick={() => move(index, index - 1)}
                >
                  <ChevronLeft aria-hidden />
                </IconButton>
                <IconButton
                  small
                  look="quiet"
                  label={t.pipelines.later(name)}
                  disabled={index === steps.length - 1}
                  onClick={() => move(index, index + 1)}
                >
                  <ChevronRight aria-hidden />
                </IconButton>
                <IconButton small look="quiet" label={t.pipelines.removeStep(name)} onClick={() => onRemove(step.key)}>
                  <X aria-hidden />
                </IconButton>
              </div>
            </li>
          );
        })}
        {onAdd && (
          <li className="step-add">
            <Button onClick={onAdd}>
              <Plus aria-hidden />
              {t.pipelines.addStep}
            </Button>
          </li>
        )}
      </ol>
      <p className="hidden-visually" role="status">
        {said}
      </p>
    </>
  );
}

/** A card makes room when it is passed by half: as cards have different places afterwards, it would flicker otherwise. */
function beyondMiddle(event: DragEvent, goesRight: boolean): boolean {
  const { left, width } = event.currentTarget.getBoundingClientRect();
  const share = (event.clientX - left) / width;
  return goesRight ? share > 0.5 : share < 0.5;
}
