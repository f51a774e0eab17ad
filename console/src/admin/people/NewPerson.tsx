import { useState } from "react";
import { data, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { SelectField, SwitchField, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { linkIn } from "./links.ts";
import { type Person, useChoices } from "./model.ts";
import { PasswordFields, passwordIn } from "./PasswordFields.tsx";

export function NewPerson({
  people,
  onMade,
  onInvited,
  onClose,
}: {
  people: readonly Person[];
  /** Gets the password if it was made up. */
  onMade: (name: string, password: string | undefined) => Promise<void>;
  onInvited: (name: string, link: string) => Promise<void>;
  onClose: () => void;
}) {
  const t = useTexts();
  const { roles, teams } = useChoices(people);
  const [invites, setInvites] = useState(true);
  async function submit(given: FormData) {
    const name = String(given.get("name")).trim();
    const sent = { name, role: String(given.get("role")), team: String(given.get("team")) };
    if (invites) {
      const { sign_in_link } = await data(v1.POST("/v1/users", { body: sent }));
      if (sign_in_link) await onInvited(name, linkIn(sign_in_link));
      return;
    }
    const { password, madeUp } = passwordIn(given);
    await data(v1.POST("/v1/users", { body: { ...sent, password } }));
    await onMade(name, madeUp ? password : undefined);
  }
  return (
    <FormDialog title={t.people.add} action={t.common.add} submit={submit} onClose={onClose}>
      <TextField
        label={t.common.name}
        help={t.people.nameRule}
        name="name"
        minLength={3}
        maxLength={50}
        pattern="\s*[A-Za-z0-9_.\-]+\s*"
        autoCapitalize="none"
        autoComplete="off"
        required
        autoFocus
      />
      <div className="grid-form">
        <SelectField label={t.people.role} name="role" defaultValue="user" options={roles} />
        <SelectField label={t.people.team} name="team" defaultValue="Default" options={teams} />
      </div>
      <SwitchField label={t.people.invite} help={t.people.inviteHelp} checked={invites} onChange={setInvites} />
      {!invites && (
        <>
          <PasswordFields />
          <p className="muted">{t.people.mustChange}</p>
        </>
      )}
    </FormDialog>
  );
}
