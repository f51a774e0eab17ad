import { useLocation } from "wouter";
import { useNames } from "../../forms/names.ts";
import { noticeText } from "../../i18n/said.ts";
import { type Language, useLanguage, useTexts } from "../../i18n/texts.ts";
import type { RunInput } from "../../runs/types.ts";
import { DrawBoxes } from "../../studio/DrawBoxes.tsx";
import { NO_MARK } from "../../studio/noMark.ts";
import { Note } from "../../ui/Feedback.tsx";
import type { TaskNotice } from "../model.ts";
import { rowsOf } from "../parameters.ts";
import { humanized } from "../text.ts";
import { JsonRows } from "./Parameters.tsx";

/** The notices about a result. */
export function Notices({
  notices,
  notApplied,
  input,
}: {
  notices: readonly TaskNotice[];
  notApplied: readonly string[];
  /** The only input, if there is one. */
  input?: RunInput | undefined;
}) {
  const t = useTexts();
  const [, navigate] = useLocation();
  const names = useNames();
  const language = useLanguage();
  const label = (subject: string) => names.field(subject) ?? humanized(subject);
  // A notice says more about a parameter than its name does.
  const told = new Set(notices.map(({ subject }) => subject));
  const untold = notApplied.filter((name) => !told.has(name));
  return (
    <ul className="task-notices">
      {notices.map((notice, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: notices have no ids, and come in a fixed order.
        <li key={index}>
          <Note tone={notice.code === "not_applied" ? "warn" : "info"}>
            {noticeText(t, notice, notice.subject && label(notice.subject))}
            {notice.code === NO_MARK && input && <DrawBoxes input={input} onDone={() => navigate("/")} />}
            {rowsOf(shownDetails(notice, language)).length > 0 && (
              <details>
                <summary>{t.tasks.noticeDetails}</summary>
                <JsonRows value={shownDetails(notice, language)} />
              </details>
            )}
          </Note>
        </li>
      ))}
      {untold.length > 0 && (
        <li>
          <Note tone="warn">{t.tasks.notApplied(untold.map(label).join(", "))}</Note>
        </li>
      )}
    </ul>
  );
}

/** The details for people: without the name of the text, and in other languages without the server's sentences. */
function shownDetails({ details = {} }: TaskNotice, language: Language): object {
  const hidden = language === "en" ? ["why"] : ["why", "reason", "evidence"];
  return Object.fromEntries(Object.entries(details).filter(([name]) => !hidden.includes(name)));
}
