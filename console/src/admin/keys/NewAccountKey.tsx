import { useState } from "react";
import type { components } from "../../../generated/v1.ts";
import { data, v1 } from "../../api/client.ts";
import { may, useMe } from "../../api/me.ts";
import { useTexts } from "../../i18n/texts.ts";
import { SwitchField, TextArea, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { Checks } from "../parts/Checks.tsx";
import { ExpiryField, expiryIn } from "../parts/ExpiryField.tsx";
import { useOnce } from "../parts/useOnce.ts";
import { networksIn } from "./networks.ts";
import type { Key } from "./state.ts";

type Scope = NonNullable<components["schemas"]["CreateKeyRequest"]["scopes"]>[number];
const SCOPES: readonly Scope[] = [
  "files:read",
  "files:write",
  "tasks:read",
  "tasks:write",
  "billing:read",
  "webhooks:read",
  "webhooks:write",
  "keys:read",
  "keys:write",
  "audit:read",
  "users:manage",
  "teams:manage",
  "settings:write",
  "branding:manage",
  "features:manage",
  "system:read",
];
/** The scopes for uploading files, processing them and fetching results: most keys are for that. */
const USUAL: Scope[] = ["files:read", "files:write", "tasks:read", "tasks:write"];
const isScope = (text: string): text is Scope => (SCOPES as readonly string[]).includes(text);

export function NewAccountKey({
  onMade,
  onClose,
}: {
  onMade: (key: Key, secret: string) => Promise<void>;
  onClose: () => void;
}) {
  const t = useTexts();
  const me = useMe();
  const [all, setAll] = useState(false);
  const [chosen, setChosen] = useState<Scope[]>(USUAL.filter((scope) => may(me, scope)));
  const onceFor = useOnce();
  async function submit(given: FormData) {
    const networks = networksIn(String(given.get("networks") ?? ""));
    const body = {
      name: String(given.get("name")).trim(),
      scopes: all ? undefined : chosen,
      expires_at: expiryIn(given),
      allowed_networks: networks.length ? networks : undefined,
    };
    const made = await data(v1.POST("/v1/keys", { body, ...onceFor(body) }));
    await onMade(made.key, made.secret);
  }
  return (
    <FormDialog
      title={t.keys.create}
      action={t.common.create}
      submit={submit}
      onClose={onClose}
      wide
      ready={all || chosen.length > 0}
    >
      <div className="grid-form">
        <TextField label={t.common.name} help={t.keys.nameHelp} name="name" maxLength={100} required autoFocus />
        <ExpiryField latest={me?.kind === "account_key" ? me.expires_at : undefined} />
      </div>
      <SwitchField
        label={me?.all_scopes ? t.keys.everything : t.keys.everythingOfMine}
        help={t.keys.everythingHelp}
        checked={all}
        onChange={setAll}
      />
      {!all && (
        <Checks
          legend={t.keys.mayDo}
          checks={SCOPES.map((scope) => ({ value: scope, help: t.keys.scopes[scope], disabled: !may(me, scope) }))}
          chosen={chosen}
          onChange={(now) => setChosen(now.filter(isScope))}
        />
      )}
      <TextArea label={t.keys.networks} help={t.keys.networksHelp} name="networks" className="input mono" rows={2} />
    </FormDialog>
  );
}
