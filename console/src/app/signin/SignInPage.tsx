import { useTexts } from "../../i18n/texts.ts";
import { icon } from "../../ui/assets.ts";
import { SignInForm } from "./SignInForm.tsx";

/** The page of somebody who is not signed in. */
export function SignInPage() {
  const t = useTexts();
  return (
    <main className="sign-in">
      <div className="card">
        <p className="brand">
          <img src={icon} alt="" width="32" height="32" />
          Darkroom
        </p>
        <h1>{t.signIn.title}</h1>
        <SignInForm />
        <p className="muted">{t.signIn.linkHint}</p>
        <p>
          <a href="/docs">{t.nav.docs}</a>
        </p>
      </div>
    </main>
  );
}
