import type { FormEntry } from "../forms/entries.ts";
import { useTexts } from "../i18n/texts.ts";
import type { RunInput } from "../runs/types.ts";
import { Note } from "../ui/Feedback.tsx";
import { unfitText } from "./accepted.ts";

const NAMED = 3;

/** Which files an operation does not take, and what it takes. */
export function Unfit({
  title,
  entry,
  inputs,
  still,
}: {
  title: string;
  entry: FormEntry;
  inputs: readonly RunInput[];
  /** The step of several that takes no videos. */
  still: string | undefined;
}) {
  const t = useTexts();
  if (!inputs.length) return null;
  return (
    <Note tone="warn">
      <ul className="unfit">
        {inputs.slice(0, NAMED).map((input) => (
          <li key={input.uploadId ?? input.fileId}>{unfitText(t, input.name, entry, title, still)}</li>
        ))}
      </ul>
      {inputs.length > NAMED && <p>{t.studio.moreUnfit(inputs.length - NAMED)}</p>}
    </Note>
  );
}
