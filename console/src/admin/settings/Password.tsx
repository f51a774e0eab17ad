import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { body, v1 } from "../../api/client.ts";
import type { Me } from "../../api/me.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { ErrorNote } from "../../ui/Feedback.tsx";
import { TextField } from "../../ui/Field.tsx";
import { toast } from "../../ui/toasts.tsx";

/** Another password. This session stays; all others of the person end, and so do the keys. */
export function Password({ user }: { user: NonNullable<Me["user"]> }) {
  const t = useTexts();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (sent: { current_password?: string; new_password: string }) =>
      body(v1.POST("/v1/sessions/current/password", { body: sent })),
  });
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const current_password = user.needs_current_password ? String(given.get("current")) : undefined;
    change.mutate(
      { current_password, new_password: String(given.get("new")) },
      {
        onSuccess: async () => {
          form.reset();
          toast(t.settings.passwordChanged);
          await queries.invalidateQueries({ queryKey: ["me"] });
          await queries.invalidateQueries({ queryKey: ["my-keys"] });
        },
      },
    );
  }
  return (
    <section className="card stacked" aria-labelledby="password">
      <h2 id="password">{t.settings.password}</h2>
      <p className="muted">{t.settings.passwordWhat}</p>
      <form className="stacked" onSubmit={(event) => void submit(event)}>
        {/* For password managers, which file the new password under this name. */}
        <input className="hidden-visually" name="username" value={user.name} autoComplete="username" readOnly hidden />
        {user.needs_current_password && (
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
        <ErrorNote error={change.error} />
        <div className="row">
          <Button type="submit" look="primary" disabled={change.isPending}>
            {t.settings.changePassword}
          </Button>
        </div>
      </form>
    </section>
  );
}
