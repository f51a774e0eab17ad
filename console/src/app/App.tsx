import { Suspense } from "react";
import { Route, Router, Switch } from "wouter";
import { useMe } from "../api/me.ts";
import { useSession } from "../api/session.ts";
import { useTexts } from "../i18n/texts.ts";
import { Notifier } from "../studio/Notifier.tsx";
import { ErrorBoundary } from "../ui/ErrorBoundary.tsx";
import { Loading } from "../ui/Feedback.tsx";
import { Toasts } from "../ui/toasts.tsx";
import { fragmentHref, useFragment, useFragmentSearch } from "./location.ts";
import { ROUTES } from "./routes.tsx";
import { Shell } from "./Shell.tsx";
import { Shortcuts } from "./Shortcuts.tsx";
import { EndedDialog } from "./signin/EndedDialog.tsx";
import { LinkPage } from "./signin/LinkPage.tsx";
import { NewPassword } from "./signin/NewPassword.tsx";
import { SignInPage } from "./signin/SignInPage.tsx";
import { useWorkspace } from "./useWorkspace.ts";

/** The page, once its texts are there. Paths are in the fragment, so that the edge serves one file and sees no link that signs in. */
export function App() {
  return (
    <Router hook={useFragment} searchHook={useFragmentSearch} hrefs={fragmentHref}>
      <Switch>
        <Route path="/sign-in/:token">{({ token }) => <LinkPage token={token} />}</Route>
        <Route>
          <SignedIn />
        </Route>
      </Switch>
      <Toasts />
    </Router>
  );
}

function SignedIn() {
  const t = useTexts();
  const { token, ended } = useSession();
  const me = useMe();
  useWorkspace();
  if (!token) return <SignInPage />;
  if (me?.user?.must_change_password) return <NewPassword me={me} />;
  return (
    <Shell>
      <ErrorBoundary>
        <Suspense fallback={<Loading />}>
          <Switch>
            {ROUTES.map(({ path, area, page: Page }) => (
              <Route key={path} path={path}>
                <div className={`area area-${area}`}>
                  <Page />
                </div>
              </Route>
            ))}
            <Route>
              <p>{t.nav.nothing}</p>
            </Route>
          </Switch>
        </Suspense>
      </ErrorBoundary>
      <Notifier />
      <Shortcuts />
      {ended && <EndedDialog />}
    </Shell>
  );
}
