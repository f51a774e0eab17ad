import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Inbox, RotateCw } from "lucide-react";
import { useState } from "react";
import { data, once, v1 } from "../../api/client.ts";
import { useFormats } from "../../i18n/format.ts";
import { deliveryText } from "../../i18n/said.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { Badge, Empty, ErrorNote, type Tone } from "../../ui/Feedback.tsx";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { More, usePages } from "../../ui/paging.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import { toast } from "../../ui/toasts.tsx";
import { worded } from "../parts/words.ts";
import { DeliveryDialog } from "./DeliveryDialog.tsx";
import { type Delivery, useWebhooks } from "./model.ts";

type Status = Delivery["status"];
const STATES: readonly Status[] = ["Pending", "Delivered", "Failed"];
const TONES: Record<Status, Tone> = { Pending: "info", Delivered: "good", Failed: "bad" };
const WHILE_PENDING_MS = 5000;

/** The log of what was sent where, and what came back. */
export function Deliveries({ writes }: { writes: boolean }) {
  const t = useTexts();
  const format = useFormats();
  const queries = useQueryClient();
  const webhooks = useWebhooks();
  const [webhook_id, setWebhook] = useState("");
  const [status, setStatus] = useState("");
  const [task_id, setTask] = useState("");
  const [shown, setShown] = useState<Delivery>();
  const filters = {
    webhook_id: webhook_id || undefined,
    status: STATES.find((state) => state === status),
    task_id: task_id || undefined,
  };
  const pages = usePages(
    ["deliveries", filters],
    (page_token) =>
      data(v1.GET("/v1/webhook-deliveries", { params: { query: { ...filters, page_size: 50, page_token } } })),
    { refetchInterval: (all) => all.some((one) => one.status === "Pending") && WHILE_PENDING_MS },
  );
  const replay = useMutation({
    mutationFn: (id: string) =>
      data(v1.POST("/v1/webhook-deliveries/{id}/replay", { params: { path: { id } }, ...once() })),
    onSuccess: async () => {
      toast(t.webhooks.replayed);
      await queries.invalidateQueries({ queryKey: ["deliveries"] });
    },
  });

  const columns: Column<Delivery>[] = [
    {
      key: "event",
      head: t.webhooks.event,
      names: true,
      cell: (one) => (
        <span className="two-lines">
          {worded(t.webhooks.events, one.event_type)}
          <span className="muted breaks" translate="no">
            {one.url}
          </span>
        </span>
      ),
    },
    {
      key: "status",
      head: t.common.status,
      cell: (one) => <Badge tone={TONES[one.status]}>{t.webhooks.states[one.status]}</Badge>,
    },
    { key: "answer", head: t.webhooks.answer, cell: (one) => one.response_status ?? deliveryText(t, one.error) ?? "–" },
    { key: "attempts", head: t.webhooks.attempts, end: true, cell: (one) => format.number(one.attempts) },
    { key: "time", head: t.webhooks.when, cell: (one) => format.date(one.created_at) },
    {
      key: "actions",
      head: t.common.actions,
      end: true,
      cell: (one) => (
        <span className="actions">
          <Button small onClick={() => setShown(one)}>
            {t.common.details}
          </Button>
          {writes && (
            <IconButton
              label={t.webhooks.replay}
              look="quiet"
              small
              disabled={replay.isPending}
              onClick={() => replay.mutate(one.id)}
            >
              <RotateCw />
            </IconButton>
          )}
        </span>
      ),
    },
  ];

  return (
    <>
      <div className="filters">
        <SelectField
          label={t.webhooks.webhook}
          value={webhook_id}
          onChange={({ target }) => setWebhook(target.value)}
          options={[
            { value: "", label: t.common.all },
            ...(webhooks.data?.items ?? []).map(({ id, url }) => ({ value: id, label: url, data: true })),
          ]}
        />
        <SelectField
          label={t.common.status}
          value={status}
          onChange={({ target }) => setStatus(target.value)}
          options={[
            { value: "", label: t.common.all },
            ...STATES.map((value) => ({ value, label: t.webhooks.states[value] })),
          ]}
        />
        <TextField
          label={t.webhooks.task}
          value={task_id}
          inputMode="numeric"
          maxLength={20}
          onChange={({ target }) => setTask(target.value.trim())}
        />
      </div>
      <ErrorNote error={replay.error} />
      <Loaded query={pages}>
        {(rows) =>
          rows.length ? (
            <>
              <Table caption={t.webhooks.deliveries} columns={columns} rows={rows} rowKey={(one) => one.id} />
              <More pages={pages} />
            </>
          ) : (
            <Empty icon={<Inbox aria-hidden />}>{t.webhooks.noDeliveries}</Empty>
          )
        }
      </Loaded>
      {shown && <DeliveryDialog of={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}
