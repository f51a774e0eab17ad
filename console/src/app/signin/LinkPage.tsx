import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { useTexts } from "../../i18n/texts.ts";
import { Loading, Note } from "../../ui/Feedback.tsx";
import { SignInForm } from "./SignInForm.tsx";
import { byLink } from "./signingIn.ts";

const used = new Map<string, Promise<void>>();

/** A token works once, and React runs effects twice while developing. */
function exchange(token: string): Promise<void> {
  const begun = used.get(token) ?? byLink(token);
  used.set(token, begun);
  return begun;
}

/** Where a link that signs in leads: `/#/sign-in/<token>`. */
export function LinkPage({ token }: { token: string }) {
  const t = useTexts();
  const [, navigate] = useLocation();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    exchange(token)
      // The token goes from the history, too.
      .then(() => navigate("/", { replace: true }))
      .catch(() => setFailed(true));
  }, [token, navigate]);
  return (
    <main className="sign-in">
      <div className="card">
        <h1>{failed ? t.signIn.title : t.signIn.link}</h1>
        {failed ? (
          <>
            <Note tone="warn">{t.signIn.linkFailed}</Note>
            <SignInForm onDone={() => navigate("/", { replace: true })} />
          </>
        ) : (
          <Loading />
        )}
      </div>
    </main>
  );
}
