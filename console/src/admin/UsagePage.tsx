import { Page } from "../ui/Page.tsx";

export default function UsagePage() {
  return <Page title="UsagePage">…</Page>;
}
