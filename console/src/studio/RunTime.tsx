import { Bell } from "lucide-react";
import { useState } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { secondsLeft } from "../runs/index.ts";
import type { Run } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { toast } from "../ui/toasts.tsx";
import { useNow } from "../ui/useNow.ts";
import { isLong, mayAsk } from "./notifying.ts";

/** Shorter is not worth a number. */
const SHOWN_SECONDS = 5;

/** How long a run still takes, and, if that is long, the offer to say when it has ended. */
export function RunTime({ run }: { run: Run }) {
  const t = useTexts();
  const { roughly } = useFormats();
  const now = useNow(true);
  const [, setAsked] = useState(false);
  const left = secondsLeft(run, now);
  const long = isLong((now - (run.resumed?.at ?? run.startedAt)) / 1000 + (left ?? 0));

  async function ask() {
    const answer = await Notification.requestPermission();
    toast(answer === "granted" ? t.studio.notified : t.studio.notNotified, answer === "granted" ? "good" : "warn");
    setAsked(true);
  }

  const shown = left !== undefined && left >= SHOWN_SECONDS;
  if (!shown && !(long && mayAsk())) return null;
  return (
    <div className="row run-time">
      {shown && <span className="muted">{t.studio.timeLeft(roughly(left))}</span>}
      {long && mayAsk() && (
        <Button small look="quiet" onClick={() => void ask()}>
          <Bell aria-hidden />
          {t.studio.notify}
        </Button>
      )}
    </div>
  );
}
