import "../styles/admin.css";
import { may, useMe } from "../api/me.ts";
import { useTexts } from "../i18n/texts.ts";
import { Loading } from "../ui/Feedback.tsx";
import { Page } from "../ui/Page.tsx";
import { ForEverybody } from "./settings/ForEverybody.tsx";
import { Logo } from "./settings/Logo.tsx";
import { Looks } from "./settings/Looks.tsx";
import { Password } from "./settings/Password.tsx";
import { WhoIAm } from "./settings/WhoIAm.tsx";

/** The signed-in person, this browser's settings, and the settings for everybody. */
export default function SettingsPage() {
  const t = useTexts();
  const me = useMe();
  return (
    <Page title={t.nav.settings}>
      {me ? (
        <div className="columns">
          <WhoIAm me={me} />
          {me.kind === "session" && me.user && <Password user={me.user} />}
          <Looks />
          {may(me, "branding:manage") && <Logo />}
          {may(me, "settings:write") && <ForEverybody />}
        </div>
      ) : (
        <Loading />
      )}
    </Page>
  );
}
