import { Page } from "../ui/Page.tsx";

export default function RolesPage() {
  return <Page title="RolesPage">…</Page>;
}
