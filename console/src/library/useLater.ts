import { useEffect, useState } from "react";

/** `value`, once it has not changed for so long: what somebody types is not asked for at each letter. */
export function useLater<Value>(value: Value, milliseconds = 300): Value {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return later;
}
