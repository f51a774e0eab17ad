import { useEffect, useSyncExternalStore } from "react";
import { Button } from "./Button.tsx";
import { Note, type Tone } from "./Feedback.tsx";

type Act = { label: string; run: () => void };
type Toast = { id: number; tone: Tone; text: string; act: Act | undefined };
/** How long each is shown, at least. */
export const SHOWN_MS = 6000;

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Show a message that needs no answer; a screen reader reads it too. `act`: something that can be done about it while it is shown. */
export function toast(text: string, tone: Tone = "good", act?: Act): void {
  last += 1;
  set([...toasts.slice(-3), { id: last, tone, text, act }]);
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
          {toast.act && (
            <Button
              small
              onClick={() => {
                toast.act?.run();
                set(toasts.filter(({ id }) => id !== toast.id));
              }}
            >
              {toast.act.label}
            </Button>
          )}
        </Note>
      ))}
    </div>
  );
}
