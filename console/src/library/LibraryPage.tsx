import { Page } from "../ui/Page.tsx";

export default function LibraryPage() {
  return <Page title="LibraryPage">…</Page>;
}
