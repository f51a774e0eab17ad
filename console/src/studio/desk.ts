import { useSyncExternalStore } from "react";
import type { Choice, RunInput } from "../runs/types.ts";

/** The inputs of the work: everything that was uploaded, or certain files of the server, such as the results of a run. */
export type Source =
  | { kind: "uploads" }
  | { kind: "files"; from: "results" | "library"; of: string; inputs: RunInput[] };

/** The work in preparation. It stays while other pages are open. */
export type Desk = {
  source: Source;
  /** One, or those of a pipeline. */
  steps: Choice[];
  /** The name of the pipeline that the steps are of. */
  pipeline?: string;
  /** The newest run of this form, which is shown next to it. */
  runId?: string | undefined;
};

const UPLOADS: Source = { kind: "uploads" };
let state: Desk = { source: UPLOADS, steps: [] };
const listeners = new Set<() => void>();

export const desk = {
  set(change: Partial<Desk>): void {
    state = { ...state, ...change };
    for (const listener of listeners) listener();
  },
  choose(choice: Choice): void {
    const [before] = state.steps;
    const same = before?.id === choice.id;
    desk.set({ steps: [choice], pipeline: undefined, runId: same ? state.runId : undefined });
  },
  chooseNothing(): void {
    desk.set({ steps: [], pipeline: undefined, runId: undefined });
  },
  takeUploads(): void {
    desk.set({ source: UPLOADS });
  },
};

export function useDesk(): Desk {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
