import { useEffect, useState } from "react";
import { uniqueId } from "../api/ids.ts";
import { isAccepted, useRun } from "../runs/index.ts";

/** A form can be run again after so long, so that the second click of a double click starts nothing. */
const LEAST_MS = 1000;

/**
 * The key of the next run of a form: made when the form is shown, renewed when `form`, its content, changes, and once the server has accepted
 * the run. While a run has the key it is `busy`.
 */
export function useStart(form: string): { key: string; busy: boolean } {
  const [{ key, of }, setKey] = useState(() => ({ key: uniqueId(), of: form }));
  const run = useRun(key);
  const startedAt = run?.startedAt;
  const accepted = run !== undefined && isAccepted(run);
  if (of !== form) setKey({ key: uniqueId(), of: form });
  useEffect(() => {
    if (startedAt === undefined || !accepted) return;
    const renew = () => setKey(({ of: last }) => ({ key: uniqueId(), of: last }));
    const timer = setTimeout(renew, startedAt + LEAST_MS - Date.now());
    return () => clearTimeout(timer);
  }, [startedAt, accepted]);
  useEffect(() => {
    if (startedAt === undefined) return;
    // Somebody has removed the run: the server may know its key.
    return () => setKey(({ of: last }) => ({ key: uniqueId(), of: last }));
  }, [startedAt]);
  return { key, busy: run !== undefined };
}
