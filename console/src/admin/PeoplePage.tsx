import { Page } from "../ui/Page.tsx";

export default function PeoplePage() {
  return <Page title="PeoplePage">…</Page>;
}
