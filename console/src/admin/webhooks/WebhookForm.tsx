import { useState } from "react";
import { data, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { Checks } from "../parts/Checks.tsx";
import { useOnce } from "../parts/useOnce.ts";
import { EVENTS, eventsToSend, type Webhook } from "./model.ts";

/** Adds a webhook, or says what one receives: its URL cannot be changed. */
export function WebhookForm({
  of,
  onMade,
  onClose,
}: {
  of?: Webhook;
  /** Gets the secret of a new one. */
  onMade: (secret?: string) => Promise<unknown>;
  onClose: () => void;
}) {
  const t = useTexts();
  const [chosen, setChosen] = useState<string[]>(of?.event_types.length ? of.event_types : [...EVENTS]);
  const onceFor = useOnce();
  async function submit(given: FormData) {
    const event_types = eventsToSend(chosen);
    if (of) {
      await data(v1.PATCH("/v1/webhooks/{id}", { params: { path: { id: of.id } }, body: { event_types } }));
      return onMade();
    }
    const body = { url: String(given.get("url")).trim(), event_types };
    const made = await data(v1.POST("/v1/webhooks", { body, ...onceFor(body) }));
    return onMade(made.secret);
  }
  return (
    <FormDialog
      title={of ? t.webhooks.change : t.webhooks.create}
      action={of ? t.common.save : t.common.add}
      submit={submit}
      onClose={onClose}
      ready={chosen.length > 0}
    >
      {of ? (
        <p className="mono" translate="no">
          {of.url}
        </p>
      ) : (
        <TextField
          label={t.webhooks.url}
          help={t.webhooks.urlHelp}
          name="url"
          type="url"
          inputMode="url"
          placeholder="https://example.com/hooks"
          maxLength={2000}
          required
          autoFocus
        />
      )}
      <Checks
        plain
        legend={t.webhooks.receives}
        checks={EVENTS.map((value) => ({ value, help: t.webhooks.events[value] }))}
        chosen={chosen}
        onChange={setChosen}
      />
    </FormDialog>
  );
}
