import { useRef } from "react";
import { once } from "../../api/client.ts";

/** Headers for a form that creates something. If it is sent again unchanged, after a lost reply, it creates nothing new; changed, it does. */
export function useOnce(): (sent: unknown) => ReturnType<typeof once> {
  const last = useRef<{ sent: string; options: ReturnType<typeof once> }>(undefined);
  return (sent) => {
    const written = JSON.stringify(sent) ?? "";
    if (last.current?.sent !== written) last.current = { sent: written, options: once() };
    return last.current.options;
  };
}
