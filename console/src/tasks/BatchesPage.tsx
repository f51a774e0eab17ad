import { Page } from "../ui/Page.tsx";

export default function BatchesPage() {
  return <Page title="BatchesPage">…</Page>;
}
