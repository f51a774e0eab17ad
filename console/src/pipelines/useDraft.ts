import { useCallback, useState } from "react";
import { type Draft, sameDraft } from "./draft.ts";

/** A pipeline that is being written, kept in this tab until it is saved or discarded: leaving the page loses nothing. */
export function useDraft(id: string, start: Draft) {
  const place = `darkroom.pipeline.${id}`;
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
  // Only this page writes it.
  return text ? (JSON.parse(text) as Draft) : undefined;
}
