import { useCallback, useState } from "react";
import { type Draft, sameDraft } from "./draft.ts";

const PLACE = "darkroom.pipeline.";

/** Put a draft in the place of the new pipeline that is being written. */
export function keepDraft(draft: Draft): void {
  sessionStorage.setItem(`${PLACE}new`, JSON.stringify(draft));
}

/** A pipeline that is being written, kept in this tab until it is saved or discarded: leaving the page loses nothing. */
export function useDraft(id: string, start: Draft) {
  const place = PLACE + id;
  const [draft, setDraft] = useState<Draft>(() => kept(place) ?? start);
  const change = useCallback(
    (next: (draft: Draft) => Draft) =>
      setDraft((before) => {
        const after = next(before);
        sessionStorage.setItem(place, JSON.stringify(after));
        return after;
      }),
    [place],
  );
  const forget = useCallback(() => {
    sessionStorage.removeItem(place);
    setDraft(start);
  }, [place, start]);
  return { draft, change, forget, changed: !sameDraft(draft, start) };
}

function kept(place: string): Draft | undefined {
  const text = sessionStorage.getItem(place);
  const draft = text ? (JSON.parse(text) as Draft) : undefined;
  // Only this page writes it, but an earlier version of it wrote steps without operations.
  return draft?.steps.every(({ id }) => id) ? draft : undefined;
}
