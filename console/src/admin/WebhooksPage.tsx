import { Page } from "../ui/Page.tsx";

export default function WebhooksPage() {
  return <Page title="WebhooksPage">…</Page>;
}
