import { type Texts, useTexts } from "../i18n/texts.ts";
import { summary } from "../runs/index.ts";
import type { Run } from "../runs/types.ts";

/** How many files of a run ended in which way: "1 of 8 done, 7 cancelled". */
export function useOutcome(run: Run): string {
  return outcomeText(useTexts(), run);
}

export function outcomeText(t: Texts, run: Run): string {
  const { succeeded, failed, cancelled, total } = summary(run);
  return [
    t.studio.progress(succeeded, total),
    ...(failed ? [t.studio.failures(failed)] : []),
    ...(cancelled ? [t.studio.cancellations(cancelled)] : []),
  ].join(t.common.comma);
}
