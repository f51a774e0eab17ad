import "../styles/admin.css";
import { may, useMe } from "../api/me.ts";
import { useTexts } from "../i18n/texts.ts";
import { Page } from "../ui/Page.tsx";
import { Tabs } from "../ui/Tabs.tsx";
import { People } from "./people/People.tsx";
import { Teams } from "./people/Teams.tsx";

/** The people who sign in, and their teams. */
export default function PeoplePage() {
  const t = useTexts();
  const tabs = [{ key: "people", label: t.nav.people, content: <People /> }];
  if (may(useMe(), "teams:manage")) tabs.push({ key: "teams", label: t.people.teams, content: <Teams /> });
  return (
    <Page title={t.nav.people} about={t.people.about}>
      <Tabs label={t.nav.people} tabs={tabs} />
    </Page>
  );
}
