import "../styles/admin.css";
import { may, useMe } from "../api/me.ts";
import { useTexts } from "../i18n/texts.ts";
import { Page } from "../ui/Page.tsx";
import { Tabs } from "../ui/Tabs.tsx";
import { DefaultSecret } from "./webhooks/DefaultSecret.tsx";
import { Deliveries } from "./webhooks/Deliveries.tsx";
import { Webhooks } from "./webhooks/Webhooks.tsx";

/** Where events are sent, and what became of each. */
export default function WebhooksPage() {
  const t = useTexts();
  const writes = may(useMe(), "webhooks:write");
  const tabs = [
    { key: "webhooks", label: t.nav.webhooks, content: <Webhooks writes={writes} /> },
    { key: "deliveries", label: t.webhooks.deliveries, content: <Deliveries writes={writes} /> },
  ];
  if (writes) tabs.push({ key: "secret", label: t.webhooks.defaultSecret, content: <DefaultSecret /> });
  return (
    <Page title={t.nav.webhooks} about={t.webhooks.about}>
      <Tabs label={t.nav.webhooks} tabs={tabs} />
    </Page>
  );
}
