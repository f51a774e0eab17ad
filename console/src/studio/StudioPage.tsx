import { Page } from "../ui/Page.tsx";

export default function StudioPage() {
  return <Page title="StudioPage">…</Page>;
}
