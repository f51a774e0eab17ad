import type { components } from "../../generated/v1.ts";
import type { Settings } from "../forms/entries.ts";

export type SavedPipeline = components["schemas"]["Pipeline"];

/** An operation and its settings. `key` identifies steps with the same operation. */
export type DraftStep = { key: string; id: string; settings: Settings };
/** A pipeline that is being written. */
export type Draft = { name: string; description: string; steps: readonly DraftStep[] };

export const EMPTY: Draft = { name: "", description: "", steps: [] };
export const LONGEST_NAME = 100;
export const LONGEST_DESCRIPTION = 500;
export const MOST_STEPS = 64;

export function fromSaved(saved: SavedPipeline): Draft {
  const steps = stepsOf(saved).map((step, index) => ({ key: `saved ${index}`, ...step }));
  return { name: saved.name, description: saved.description ?? "", steps };
}

/** The operations of a saved pipeline; none if another API saved it, and its tools depend on the files. */
export function stepsOf({ operations }: SavedPipeline): { id: string; settings: Record<string, unknown> }[] {
  return operations.flatMap((operation) =>
    Object.entries(operation).map(([id, settings]) => ({ id, settings: { ...(settings as Settings) } })),
  );
}

/** The step at `from` goes to `to`; the others make room. */
export function moved(draft: Draft, from: number, to: number): Draft {
  const step = draft.steps[from];
  if (!step || to < 0 || to >= draft.steps.length || from === to) return draft;
  return { ...draft, steps: draft.steps.toSpliced(from, 1).toSpliced(to, 0, step) };
}

export function added(draft: Draft, step: DraftStep): Draft {
  return { ...draft, steps: [...draft.steps, step] };
}

export function removed(draft: Draft, key: string): Draft {
  return { ...draft, steps: draft.steps.filter((step) => step.key !== key) };
}

export function withSettings(draft: Draft, key: string, settings: Settings): Draft {
  return { ...draft, steps: draft.steps.map((step) => (step.key === key ? { ...step, settings } : step)) };
}

export function sameDraft(one: Draft, other: Draft): boolean {
  const plain = ({ name, description, steps }: Draft) =>
    JSON.stringify([name, description, steps.map(({ id, settings }) => [id, settings])]);
  return plain(one) === plain(other);
}
