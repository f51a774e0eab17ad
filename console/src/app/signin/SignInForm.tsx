import { type FormEvent, useState } from "react";
import { ApiError } from "../../api/errors.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { ErrorNote } from "../../ui/Feedback.tsx";
import { TextField } from "../../ui/Field.tsx";
import { byKey, byPassword } from "./signingIn.ts";

/** Name and password, or a key. */
export function SignInForm({ onDone }: { onDone?: () => void }) {
  const t = useTexts();
  const [withKey, setWithKey] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setBusy(true);
    setError(undefined);
    try {
      if (withKey) await byKey(String(given.get("key")).trim());
      else await byPassword(String(given.get("user")), String(given.get("password")));
      onDone?.();
    } catch (failed) {
      setError(withKey && !(failed instanceof ApiError) ? new Error(t.signIn.wrongKey) : failed);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="sign-in-form" onSubmit={(event) => void submit(event)}>
      {withKey ? (
        <TextField label={t.signIn.key} name="key" type="password" autoComplete="off" required />
      ) : (
        <>
          <TextField label={t.signIn.user} name="user" autoComplete="username" autoCapitalize="none" required />
          <TextField
            label={t.signIn.password}
            name="password"
            type="password"
            autoComplete="current-password"
            required
          />
        </>
      )}
      <ErrorNote error={error} />
      <Button type="submit" look="primary" disabled={busy}>
        {t.signIn.submit}
      </Button>
      <Button
        look="quiet"
        onClick={() => {
          setWithKey(!withKey);
          setError(undefined);
        }}
      >
        {withKey ? t.signIn.withPassword : t.signIn.withKey}
      </Button>
    </form>
  );
}
