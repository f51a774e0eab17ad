import { useEffect, useRef } from "react";
import { useTexts } from "../i18n/texts.ts";
import { isOpen, useRuns } from "../runs/index.ts";
import { icon } from "../ui/assets.ts";
import { isLong, mayNotify } from "./notifying.ts";
import { outcomeText } from "./useOutcome.ts";

/** Says by a notification of the browser that a long run has ended, if the page is not looked at. */
export function Notifier() {
  const t = useTexts();
  const runs = useRuns();
  const open = useRef(new Set<string>());
  useEffect(() => {
    for (const run of runs) {
      if (run.items.some(isOpen)) open.current.add(run.id);
      else if (open.current.delete(run.id) && isLong((Date.now() - (run.resumed?.at ?? run.startedAt)) / 1000)) {
        if (document.hidden && mayNotify()) announce(t.studio.ended(outcomeText(t, run)), run.id);
      }
    }
  }, [runs, t]);
  return null;
}

function announce(title: string, tag: string): void {
  try {
    // One tag: several tabs show one notification.
    const shown = new Notification(title, { tag, icon });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  } catch {
    // Phones allow only notifications of a service worker.
  }
}
