import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { body, v1 } from "../../api/client.ts";
import type { Me } from "../../api/me.ts";
import { session } from "../../api/session.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { ErrorNote } from "../../ui/Feedback.tsx";
import { TextField } from "../../ui/Field.tsx";

/** Somebody else has set the password: a new one comes before anything else. */
export function NewPassword({ me }: { me: Me }) {
  const t = useTexts();
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setBusy(true);
    try {
      const current = given.get("current");
      const passwords = {
        ...(current !== null && { current_password: String(current) }),
        new_password: String(given.get("new")),
      };
      await body(v1.POST("/v1/sessions/current/password", { body: passwords }));
      await queries.invalidateQueries();
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
    }
  }
  return (
    <main className="sign-in">
      <div className="card">
        <h1>{t.signIn.newPassword}</h1>
        <p>{t.signIn.newPasswordWhy}</p>
        <form className="sign-in-form" onSubmit={(event) => void submit(event)}>
          {me.user?.needs_current_password && (
            <TextField
              label={t.signIn.currentPassword}
              name="current"
              type="password"
              autoComplete="current-password"
              required
            />
          )}
          <TextField
            label={t.signIn.newPassword}
            help={t.signIn.passwordRule}
            name="new"
            type="password"
            autoComplete="new-password"
            required
          />
          <ErrorNote error={error} />
          <Button type="submit" look="primary" disabled={busy}>
            {t.common.save}
          </Button>
          <Button look="quiet" onClick={() => session.leave()}>
            {t.signIn.out}
          </Button>
        </form>
      </div>
    </main>
  );
}
