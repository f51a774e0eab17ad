import { useTexts } from "../../i18n/texts.ts";
import { Note } from "../../ui/Feedback.tsx";
import { type System, type Trouble, troublesOf } from "./state.ts";

/** Whether all is well, or what somebody has to look at. It is said aloud when it changes. */
export function Summary({ system }: { system: System }) {
  const t = useTexts();
  const troubles = troublesOf(system);
  const worded = (trouble: Trouble): string => {
    if ("state" in trouble) return t.system.is[trouble.what](trouble.name, t.system.states[trouble.state]);
    return trouble.what === "full" ? t.system.diskFull(trouble.name) : t.system.unserved(trouble.name);
  };
  return (
    <div role="status">
      {troubles.length === 0 ? (
        <Note tone="good">{t.system.well}</Note>
      ) : (
        <Note tone="bad">
          <ul>
            {troubles.map((trouble) => (
              <li key={`${trouble.what} ${trouble.name}`}>{worded(trouble)}</li>
            ))}
          </ul>
        </Note>
      )}
    </div>
  );
}
