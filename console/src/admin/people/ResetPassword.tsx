import { body, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { FormDialog } from "../../ui/FormDialog.tsx";
import type { Person } from "./model.ts";
import { PasswordFields, passwordIn } from "./PasswordFields.tsx";

export function ResetPassword({
  of,
  onMade,
  onClose,
}: {
  of: Person;
  /** Gets the password if it was made up. */
  onMade: (name: string, password: string | undefined) => Promise<void>;
  onClose: () => void;
}) {
  const t = useTexts();
  async function submit(given: FormData) {
    const { password, madeUp } = passwordIn(given);
    await body(
      v1.POST("/v1/users/{id}/reset-password", {
        params: { path: { id: of.id } },
        body: { new_password: password },
      }),
    );
    await onMade(of.name, madeUp ? password : undefined);
  }
  return (
    <FormDialog title={t.people.resetNamed(of.name)} action={t.people.reset} submit={submit} onClose={onClose}>
      <p>{t.people.resetWhat}</p>
      <PasswordFields />
      <p className="muted">{t.people.mustChange}</p>
    </FormDialog>
  );
}
