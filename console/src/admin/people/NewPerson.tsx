import { body, snapotter } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { type Person, useChoices } from "./model.ts";
import { PasswordFields, passwordIn } from "./PasswordFields.tsx";

export function NewPerson({
  people,
  onMade,
  onClose,
}: {
  people: readonly Person[];
  /** Gets the password if it was made up. */
  onMade: (name: string, password: string | undefined) => Promise<void>;
  onClose: () => void;
}) {
  const t = useTexts();
  const { roles, teams } = useChoices(people);
  async function submit(given: FormData) {
    const { password, madeUp } = passwordIn(given);
    const username = String(given.get("name")).trim();
    const sent = { username, password, role: String(given.get("role")), team: String(given.get("team")) };
    await body(snapotter.POST("/api/auth/register", { body: sent }));
    await onMade(username, madeUp ? password : undefined);
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
      <PasswordFields />
      <p className="muted">{t.people.mustChange}</p>
    </FormDialog>
  );
}
