import { body, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { SelectField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { type Person, useChoices } from "./model.ts";

export function EditPerson({
  of,
  people,
  onDone,
  onClose,
}: {
  of: Person;
  people: readonly Person[];
  onDone: () => Promise<unknown>;
  onClose: () => void;
}) {
  const t = useTexts();
  const { roles, teams } = useChoices(people);
  async function submit(given: FormData) {
    const role = String(given.get("role"));
    const team = String(given.get("team"));
    // Only what is another: the server refuses some changes that would change nothing.
    const sent = { role: role === of.role ? undefined : role, team: team === of.team ? undefined : team };
    await body(v1.PATCH("/v1/users/{id}", { params: { path: { id: of.id } }, body: sent }));
    await onDone();
  }
  return (
    <FormDialog title={t.people.editNamed(of.name)} action={t.common.save} submit={submit} onClose={onClose}>
      <SelectField label={t.people.role} name="role" defaultValue={of.role} options={roles} />
      <SelectField label={t.people.team} name="team" defaultValue={of.team} options={teams} />
    </FormDialog>
  );
}
