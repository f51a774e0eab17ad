import { useState } from "react";
import { useTexts } from "../../i18n/texts.ts";
import { SwitchField, TextField } from "../../ui/Field.tsx";
import { madeUpPassword } from "./passwords.ts";

/** A first password for somebody else: made up, or typed. Read it with `passwordIn`. */
export function PasswordFields() {
  const t = useTexts();
  const [typed, setTyped] = useState(false);
  return (
    <>
      <SwitchField
        label={t.people.makeUp}
        help={t.people.makeUpHelp}
        checked={!typed}
        onChange={(makesUp) => setTyped(!makesUp)}
      />
      {typed && (
        <TextField
          label={t.signIn.password}
          help={t.signIn.passwordRule}
          name="password"
          type="password"
          autoComplete="new-password"
          required
        />
      )}
    </>
  );
}

/** The password of a form, and whether it was made up and has to be shown. */
export function passwordIn(given: FormData): { password: string; madeUp: boolean } {
  const typed = given.get("password");
  return typed === null ? { password: madeUpPassword(), madeUp: true } : { password: String(typed), madeUp: false };
}
