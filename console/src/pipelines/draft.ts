import type { components } from "../../generated/snapotter.ts";
import type { Settings } from "../forms/entries.ts";

export type SavedPipeline = components["schemas"]["SavedPipeline"];

/** `key` identifies steps with the same tool. */
export type DraftStep = { key: string; toolId: string; settings: Settings };
/** A pipeline that is being written. */
export type Draft = { name: string; description: string; steps: readonly DraftStep[] };

export const EMPTY: Draft = { name: "", description: "", steps: [] };
export const LONGEST_NAME = 100;
export const LONGEST_DESCRIPTION = 500;
export const MOST_STEPS = 100;

export function fromSaved(saved: SavedPipeline): Draft {
  return {
    name: saved.name,
    description: descriptionOf(saved),
    steps: saved.steps.map(({ toolId, settings = {} }, index) => ({ key: `saved ${index}`, toolId, settings })),
  };
}

/** The API says null for none. */
export function descriptionOf(saved: SavedPipeline): string {
  return typeof saved.description === "string" ? saved.description : "";
}

/** The step at `from` goes to `to`; the others make room. */
export function moved(draft: Draft, from: number, to: number): Draft {
  const step = draft.steps[from];
  if (!step || to < 0 || to >= draft.steps.length || from === to) return draft;
  return { ...draft, steps: draft.steps.toSpliced(from, 1).toSpliced(to, 0, step) };
}

export function added(draft: Draft, toolId: string, key: string): Draft {
  return { ...draft, steps: [...draft.steps, { key, toolId, settings: {} }] };
}

export function removed(draft: Draft, key: string): Draft {
  return { ...draft, steps: draft.steps.filter((step) => step.key !== key) };
}

export function withSettings(draft: Draft, key: string, settings: Settings): Draft {
  return { ...draft, steps: draft.steps.map((step) => (step.key === key ? { ...step, settings } : step)) };
}

export function sameDraft(one: Draft, other: Draft): boolean {
  const plain = ({ name, description, steps }: Draft) =>
    JSON.stringify([name, description, steps.map(({ toolId, settings }) => [toolId, settings])]);
  return plain(one) === plain(other);
}
