import { Pencil, Power, RefreshCw, Send, Trash2 } from "lucide-react";
import { body, data, once, v1 } from "../../api/client.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { IconButton } from "../../ui/Button.tsx";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { Badge } from "../../ui/Feedback.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import { worded } from "../parts/words.ts";
import type { Webhook } from "./model.ts";

export function WebhookTable({
  rows,
  writes,
  busy,
  onTest,
  onEnable,
  onEdit,
  onChanged,
  onSecret,
}: {
  rows: readonly Webhook[];
  writes: boolean;
  busy: boolean;
  onTest: (id: string) => void;
  onEnable: (id: string) => void;
  onEdit: (webhook: Webhook) => void;
  onChanged: () => Promise<unknown>;
  onSecret: (secret: string) => void;
}) {
  const t = useTexts();
  const format = useFormats();
  async function remove(id: string) {
    await body(v1.DELETE("/v1/webhooks/{id}", { params: { path: { id } } }));
    await onChanged();
  }
  async function rotate(id: string) {
    const made = await data(v1.POST("/v1/webhooks/{id}/rotate-secret", { params: { path: { id } }, ...once() }));
    onSecret(made.secret);
    await onChanged();
  }
  const columns: Column<Webhook>[] = [
    {
      key: "url",
      head: t.webhooks.url,
      names: true,
      data: true,
      cell: ({ url }) => <span className="breaks">{url}</span>,
    },
    {
      key: "events",
      head: t.webhooks.receives,
      cell: ({ event_types }) =>
        event_types.length ? (
          <span className="chips">
            {event_types.map((type) => (
              <Badge key={type}>{worded(t.webhooks.events, type)}</Badge>
            ))}
          </span>
        ) : (
          t.webhooks.everything
        ),
    },
    {
      key: "state",
      head: t.common.status,
      cell: ({ disabled_at, previous_secret_expires_at: until }) => (
        <span className="chips">
          {disabled_at ? (
            <Badge tone="warn">{t.webhooks.disabled(format.date(disabled_at))}</Badge>
          ) : (
            <Badge tone="good">{t.webhooks.enabled}</Badge>
          )}
          {until && new Date(until) > new Date() && (
            <Badge tone="info">{t.webhooks.twoSecrets(format.date(until))}</Badge>
          )}
        </span>
      ),
    },
    { key: "created", head: t.common.created, cell: ({ created_at }) => format.date(created_at) },
  ];
  if (writes) {
    columns.push({
      key: "actions",
      head: t.common.actions,
      end: true,
      cell: (webhook) => (
        <span className="actions">
          {webhook.disabled_at ? (
            <IconButton
              label={t.webhooks.enable}
              look="quiet"
              small
              disabled={busy}
              onClick={() => onEnable(webhook.id)}
            >
              <Power />
            </IconButton>
          ) : (
            <IconButton label={t.webhooks.test} look="quiet" small disabled={busy} onClick={() => onTest(webhook.id)}>
              <Send />
            </IconButton>
          )}
          <IconButton label={t.webhooks.change} look="quiet" small onClick={() => onEdit(webhook)}>
            <Pencil />
          </IconButton>
          <ConfirmButton
            label={t.webhooks.rotate}
            icon={<RefreshCw />}
            text={t.webhooks.rotateWhat}
            run={() => rotate(webhook.id)}
          />
          <ConfirmButton
            label={t.webhooks.remove}
            icon={<Trash2 />}
            text={t.webhooks.removeWhat(webhook.url)}
            action={t.common.delete}
            run={() => remove(webhook.id)}
          />
        </span>
      ),
    });
  }
  return <Table caption={t.nav.webhooks} columns={columns} rows={rows} rowKey={({ id }) => id} />;
}
