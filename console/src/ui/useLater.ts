import { useEffect, useState } from "react";

/** A value once it has stayed the same for a while, by its content: what somebody types is not asked for at each letter. */
export function useLater<Value>(value: Value, milliseconds = 300): Value {
  const [settled, setSettled] = useState(value);
  const content = JSON.stringify(value);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the content says whether the value is another.
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [content, milliseconds]);
  return settled;
}
