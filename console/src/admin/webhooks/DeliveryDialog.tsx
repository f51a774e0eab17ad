import { Link } from "wouter";
import { useFormats } from "../../i18n/format.ts";
import { deliveryText } from "../../i18n/said.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { Facts } from "../parts/Facts.tsx";
import { worded } from "../parts/words.ts";
import type { Delivery } from "./model.ts";

/** Everything about one delivery, with what the receiver answered. */
export function DeliveryDialog({ of, onClose }: { of: Delivery; onClose: () => void }) {
  const t = useTexts();
  const format = useFormats();
  const date = (value: string | undefined) => value && format.date(value);
  return (
    <Dialog title={worded(t.webhooks.events, of.event_type)} onClose={onClose} wide>
      <Facts
        facts={[
          [
            t.webhooks.url,
            <span key="url" className="breaks">
              {of.url}
            </span>,
          ],
          [t.common.status, t.webhooks.states[of.status]],
          ["webhook-id", <code key="id">msg_{of.id}</code>],
          [t.webhooks.task, of.task_id && <Link href={`/tasks/${of.task_id}`}>{of.task_id}</Link>],
          [t.webhooks.batch, of.batch_id && <Link href={`/batches/${of.batch_id}`}>{of.batch_id}</Link>],
          [t.webhooks.attempts, format.number(of.attempts)],
          [t.webhooks.when, date(of.created_at)],
          [t.webhooks.attempted, date(of.attempted_at)],
          [t.webhooks.next, date(of.next_attempt_at)],
          [t.webhooks.ended, date(of.ended_at)],
          [t.webhooks.answer, of.response_status],
          [t.webhooks.error, deliveryText(t, of.error)],
        ]}
      />
      {of.response_body && (
        <section className="stacked" aria-label={t.webhooks.body}>
          <h3>{t.webhooks.body}</h3>
          <pre className="raw">{of.response_body}</pre>
        </section>
      )}
    </Dialog>
  );
}
