import { useEffect, useSyncExternalStore } from "react";
import { Note, type Tone } from "./Feedback.tsx";

type Toast = { id: number; tone: Tone; text: string };
const SHOWN_MS = 6000;

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Show a message that needs no answer; a screen reader reads it too. */
export function toast(text: string, tone: Tone = "good"): void {
  last += 1;
  set([...toasts.slice(-3), { id: last, tone, text }]);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  const oldest = shown[0];
  useEffect(() => {
    if (!oldest) return;
    const timer = setTimeout(() => set(toasts.filter((toast) => toast !== oldest)), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [oldest]);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <Note key={toast.id} tone={toast.tone}>
          {toast.text}
        </Note>
      ))}
    </div>
  );
}
