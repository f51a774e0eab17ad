import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Plus, Webhook as WebhookIcon } from "lucide-react";
import { useState } from "react";
import { data, once, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { Empty, ErrorNote } from "../../ui/Feedback.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { toast } from "../../ui/toasts.tsx";
import { SecretDialog } from "../parts/SecretDialog.tsx";
import { useWebhooks, type Webhook } from "./model.ts";
import { WebhookForm } from "./WebhookForm.tsx";
import { WebhookTable } from "./WebhookTable.tsx";

/** The account's webhooks. */
export function Webhooks({ writes }: { writes: boolean }) {
  const t = useTexts();
  const queries = useQueryClient();
  const webhooks = useWebhooks();
  const [creates, setCreates] = useState(false);
  const [changes, setChanges] = useState<Webhook>();
  const [secret, setSecret] = useState<{ secret: string; about?: string }>();
  const changed = () => queries.invalidateQueries({ queryKey: ["webhooks"] });
  const enable = useMutation({
    mutationFn: (id: string) => data(v1.POST("/v1/webhooks/{id}/enable", { params: { path: { id } } })),
    onSuccess: changed,
  });
  const test = useMutation({
    mutationFn: (id: string) => data(v1.POST("/v1/webhooks/{id}/test", { params: { path: { id } }, ...once() })),
    onSuccess: async () => {
      toast(t.webhooks.tested);
      await queries.invalidateQueries({ queryKey: ["deliveries"] });
    },
  });

  return (
    <>
      {writes && (
        <div className="row end">
          <Button look="primary" onClick={() => setCreates(true)}>
            <Plus aria-hidden />
            {t.webhooks.create}
          </Button>
        </div>
      )}
      <ErrorNote error={enable.error ?? test.error} />
      <Loaded query={webhooks}>
        {({ items }) =>
          items.length ? (
            <WebhookTable
              rows={items}
              writes={writes}
              busy={enable.isPending || test.isPending}
              onTest={test.mutate}
              onEnable={enable.mutate}
              onEdit={setChanges}
              onChanged={changed}
              onSecret={(made) => setSecret({ secret: made, about: t.webhooks.rotated })}
            />
          ) : (
            <Empty icon={<WebhookIcon aria-hidden />}>{t.webhooks.none}</Empty>
          )
        }
      </Loaded>
      {creates && (
        <WebhookForm
          onMade={async (made) => {
            if (made) setSecret({ secret: made });
            await changed();
          }}
          onClose={() => setCreates(false)}
        />
      )}
      {changes && <WebhookForm of={changes} onMade={changed} onClose={() => setChanges(undefined)} />}
      {secret && (
        <SecretDialog
          title={t.webhooks.secret}
          label={t.webhooks.secret}
          about={secret.about}
          secret={secret.secret}
          onClose={() => setSecret(undefined)}
        />
      )}
    </>
  );
}
