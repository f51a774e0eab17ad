import "../styles/admin.css";
import { may, useMe } from "../api/me.ts";
import { useTexts } from "../i18n/texts.ts";
import { Loading } from "../ui/Feedback.tsx";
import { Page } from "../ui/Page.tsx";
import { Tabs } from "../ui/Tabs.tsx";
import { AccountKeys } from "./keys/AccountKeys.tsx";
import { MyKeys } from "./keys/MyKeys.tsx";

/** Keys of the account, for those who may read them, and the caller's own. */
export default function KeysPage() {
  const t = useTexts();
  const me = useMe();
  const mine = { key: "mine", label: t.keys.mine, content: <MyKeys /> };
  const account = { key: "account", label: t.keys.account, content: <AccountKeys /> };
  return (
    <Page title={t.nav.keys} about={t.keys.about}>
      {me ? <Tabs label={t.nav.keys} tabs={may(me, "keys:read") ? [account, mine] : [mine]} /> : <Loading />}
    </Page>
  );
}
