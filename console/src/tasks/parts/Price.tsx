import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";

/** A price in credits; `long` in a text of its own. */
export function Price({ credits, long = false }: { credits: number; long?: boolean }) {
  const t = useTexts();
  const formats = useFormats();
  if (credits === 0) return t.tasks.free;
  return (long ? t.tasks.creditsLong : t.tasks.credits)(formats.number(credits));
}
