import { Page } from "../ui/Page.tsx";

export default function PipelinesPage() {
  return <Page title="PipelinesPage">…</Page>;
}
