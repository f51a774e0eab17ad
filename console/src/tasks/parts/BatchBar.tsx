import { useTexts } from "../../i18n/texts.ts";
import type { Batch } from "../model.ts";
import { counts } from "../tiles.ts";

/** How much of a batch is done, has failed and is open, in one bar. Ended tasks count in full. */
export function BatchBar({ batch }: { batch: Batch }) {
  const t = useTexts();
  const { all, succeeded, failed, cancelled } = counts(batch);
  const share = batch.progress ?? 0;
  const ended = succeeded + failed + cancelled;
  const begun = Math.max(0, share * all - ended);
  return (
    <div
      className="batch-bar"
      role="progressbar"
      aria-label={t.tasks.progress}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      aria-valuetext={t.batches.share(ended, all)}
    >
      <div className="good" style={{ flexGrow: succeeded }} />
      <div className="bad" style={{ flexGrow: failed }} />
      <div className="left" style={{ flexGrow: cancelled }} />
      <div className="begun" style={{ flexGrow: begun }} />
      <div style={{ flexGrow: Math.max(0, all - ended - begun) }} />
    </div>
  );
}

/** The counts of a batch in words, without those that are 0. */
export function BatchCounts({ batch }: { batch: Batch }) {
  const t = useTexts();
  const { queued, running, succeeded, failed, cancelled } = counts(batch);
  const said = [
    succeeded && t.batches.succeeded(succeeded),
    failed && t.batches.failed(failed),
    cancelled && t.batches.cancelled(cancelled),
    running && t.batches.running(running),
    queued && t.batches.pending(queued),
  ];
  return <span className="muted">{said.filter(Boolean).join(" · ")}</span>;
}
