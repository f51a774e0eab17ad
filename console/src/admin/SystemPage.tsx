import { Page } from "../ui/Page.tsx";

export default function SystemPage() {
  return <Page title="SystemPage">…</Page>;
}
