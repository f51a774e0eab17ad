import { useEffect, useState } from "react";
import { useStreamConnected } from "../../api/accountEvents.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Badge } from "../../ui/Feedback.tsx";

/** A connection that has only just begun is not worth reporting. */
const TOLD_AFTER_MS = 2500;

/** Says when what is shown does not move by itself. */
export function StreamBadge() {
  const t = useTexts();
  const connected = useStreamConnected();
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (connected) return setLate(false);
    const timer = setTimeout(() => setLate(true), TOLD_AFTER_MS);
    return () => clearTimeout(timer);
  }, [connected]);
  return (
    <span className="task-news" role="status">
      {late && <Badge tone="warn">{t.tasks.away}</Badge>}
    </span>
  );
}
