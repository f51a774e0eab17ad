import { useQueryClient } from "@tanstack/react-query";
import { useTexts } from "../../i18n/texts.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { SignInForm } from "./SignInForm.tsx";

/** The session has ended: after signing in again, the person continues with the content of the page. */
export function EndedDialog() {
  const t = useTexts();
  const queries = useQueryClient();
  return (
    <Dialog title={t.signIn.title}>
      <p>{t.signIn.ended}</p>
      <SignInForm onDone={() => void queries.invalidateQueries()} />
    </Dialog>
  );
}
