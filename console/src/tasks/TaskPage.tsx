import { Page } from "../ui/Page.tsx";

export default function TaskPage() {
  return <Page title="TaskPage">…</Page>;
}
