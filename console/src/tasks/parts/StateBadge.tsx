import { useTexts } from "../../i18n/texts.ts";
import { Badge, Progress, type Tone } from "../../ui/Feedback.tsx";
import type { State } from "../model.ts";

const TONES: Record<State, Tone | undefined> = {
  queued: undefined,
  running: "info",
  retrying: "warn",
  succeeded: "good",
  failed: "bad",
  cancelled: undefined,
};

export function StateBadge({ state }: { state: State }) {
  const t = useTexts();
  return <Badge tone={TONES[state]}>{t.tasks.states[state]}</Badge>;
}

/** How far a task is that runs; nothing for others. */
export function TaskProgress({ state, progress }: { state: State; progress: number | undefined }) {
  const t = useTexts();
  if (state !== "running") return null;
  return <Progress share={progress || undefined} label={t.tasks.progress} />;
}
