import { useTexts } from "../i18n/texts.ts";
import { Button } from "./Button.tsx";
import { toast } from "./toasts.tsx";

/** A text to copy, such as a key that is shown once. */
export function Secret({ text, label }: { text: string; label: string }) {
  const t = useTexts();
  async function copy() {
    await navigator.clipboard.writeText(text);
    toast(t.common.copied);
  }
  return (
    <div className="secret">
      <span className="hidden-visually">{label}</span>
      <code>{text}</code>
      {/* Without TLS a browser has no clipboard for pages, but on this machine. */}
      {"clipboard" in navigator && navigator.clipboard && <Button onClick={() => void copy()}>{t.common.copy}</Button>}
    </div>
  );
}
