import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { Button, IconButton } from "./Button.tsx";
import { Dialog } from "./Dialog.tsx";
import { ErrorNote } from "./Feedback.tsx";

/** A button that asks, does, and says what it failed with. With an `icon` it shows that alone. */
export function ConfirmButton({
  label,
  icon,
  title,
  text,
  action,
  run,
  disabled = false,
  small = true,
}: {
  label: string;
  icon?: ReactNode;
  /** The question; `label` if it says enough. */
  title?: string;
  text?: ReactNode;
  /** The text of the button for it; `label` if absent. */
  action?: string;
  run: () => Promise<unknown>;
  disabled?: boolean;
  small?: boolean;
}) {
  const t = useTexts();
  const [asks, setAsks] = useState(false);
  const doing = useMutation({ mutationFn: run, onSuccess: () => setAsks(false) });
  function ask() {
    doing.reset();
    setAsks(true);
  }
  return (
    <>
      {icon ? (
        <IconButton label={label} look="quiet" small={small} disabled={disabled} onClick={ask}>
          {icon}
        </IconButton>
      ) : (
        <Button small={small} disabled={disabled} onClick={ask}>
          {label}
        </Button>
      )}
      {asks && (
        <Dialog title={title ?? label} onClose={() => setAsks(false)}>
          {text && <p>{text}</p>}
          <ErrorNote error={doing.error} />
          <div className="dialog-foot">
            <Button onClick={() => setAsks(false)}>{t.common.cancel}</Button>
            <Button look="danger" disabled={doing.isPending} onClick={() => doing.mutate()}>
              {action ?? label}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
