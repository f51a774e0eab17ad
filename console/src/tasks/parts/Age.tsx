import { useEffect, useState } from "react";
import { useFormats } from "../../i18n/format.ts";

const TICK_MS = 10_000;

/** How long ago something was; it moves on by itself. Its title is the exact time. */
export function Age({ at }: { at: string }) {
  const formats = useFormats();
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  // The clock of this machine may be behind the server's: nothing is in the future.
  const shown = new Date(Math.min(new Date(at).getTime(), Date.now()));
  return (
    <time dateTime={at} title={formats.date(at)}>
      {formats.ago(shown)}
    </time>
  );
}
