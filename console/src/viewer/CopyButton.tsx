import { Copy } from "lucide-react";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { toast } from "../ui/toasts.tsx";

/** Copies a text. Without TLS a browser has no clipboard for pages, but on this machine. */
export function CopyButton({ text }: { text: string }) {
  const t = useTexts();
  if (!("clipboard" in navigator) || !navigator.clipboard) return null;
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => toast(t.common.copied),
      () => toast(t.viewer.noClipboard, "warn"),
    );
  return (
    <Button small onClick={() => void copy()}>
      <Copy aria-hidden />
      {t.common.copy}
    </Button>
  );
}
