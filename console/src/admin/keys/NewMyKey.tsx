import { useState } from "react";
import { data, v1 } from "../../api/client.ts";
import { useMe } from "../../api/me.ts";
import { useTexts } from "../../i18n/texts.ts";
import { SwitchField, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { Checks } from "../parts/Checks.tsx";
import { ExpiryField, expiryIn } from "../parts/ExpiryField.tsx";
import { worded } from "../parts/words.ts";

export function NewMyKey({
  onMade,
  onClose,
}: {
  onMade: (name: string, key: string) => Promise<void>;
  onClose: () => void;
}) {
  const t = useTexts();
  const mine = useMe()?.permissions ?? [];
  const [all, setAll] = useState(true);
  const [chosen, setChosen] = useState<string[]>([]);
  async function submit(given: FormData) {
    const name = String(given.get("name")).trim();
    const made = await data(
      v1.POST("/v1/me/keys", { body: { name, permissions: all ? undefined : chosen, expires_at: expiryIn(given) } }),
    );
    await onMade(made.key.name, made.secret);
  }
  return (
    <FormDialog
      title={t.keys.createMine}
      action={t.common.create}
      submit={submit}
      onClose={onClose}
      ready={all || chosen.length > 0}
    >
      <TextField label={t.common.name} help={t.keys.nameHelp} name="name" maxLength={100} required autoFocus />
      <ExpiryField />
      <SwitchField label={t.keys.asMe} help={t.keys.asMeHelp} checked={all} onChange={setAll} />
      {!all && (
        <Checks
          legend={t.keys.mayDo}
          checks={mine.map((value) => ({ value, help: worded(t.roles.permissions, value) }))}
          chosen={chosen}
          onChange={setChosen}
        />
      )}
    </FormDialog>
  );
}
