import { useTexts } from "../../i18n/texts.ts";
import { Badge, type Tone } from "../../ui/Feedback.tsx";
import type { Need, State } from "./state.ts";

const TONES: Record<State, Tone> = {
  ok: "good",
  failing: "bad",
  stopping: "info",
  unreachable: "bad",
  silent: "warn",
  away: "info",
};

export function StateBadge({ state }: { state: State }) {
  const t = useTexts();
  return <Badge tone={TONES[state]}>{t.system.states[state]}</Badge>;
}

/** The needs of something, and their problems. */
export function Needs({ needs }: { needs: readonly Need[] }) {
  const t = useTexts();
  return (
    <ul className="needs">
      {needs.map(({ name, state, problem }) => (
        <li key={name}>
          <span>{name}</span>
          <StateBadge state={state} />
          {state !== "ok" && <span className="breaks">{problem ?? t.system.noReason}</span>}
        </li>
      ))}
    </ul>
  );
}
