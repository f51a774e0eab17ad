import { Page } from "../ui/Page.tsx";

export default function TasksPage() {
  return <Page title="TasksPage">…</Page>;
}
