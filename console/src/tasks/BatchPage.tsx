import { Page } from "../ui/Page.tsx";

export default function BatchPage() {
  return <Page title="BatchPage">…</Page>;
}
