import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { useTexts } from "../i18n/texts.ts";
import { Button, IconButton } from "./Button.tsx";

/**
 * A modal dialog: the browser's own, which keeps the focus inside, closes on Escape and gives the focus back.
 * It is in the page only while it is open.
 */
export function Dialog({
  title,
  onClose,
  wide = false,
  children,
}: {
  title: string;
  /** Undefined: it cannot be closed. */
  onClose?: () => void;
  wide?: boolean;
  children: ReactNode;
}) {
  const t = useTexts();
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    // A browser gives the focus back when a dialog is closed, and not when it is taken out of the page.
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      // In React, these events of a dialog, and of a file input, bubble to the dialogs around it.
      onCancel={(event) => {
        if (event.target !== event.currentTarget) return;
        event.preventDefault();
        onClose?.();
      }}
      // A browser lets nobody prevent that Escape, pressed twice, closes it.
      onClose={(event) => {
        if (event.target !== event.currentTarget) return;
        if (onClose) onClose();
        else ref.current?.showModal();
      }}
    >
      <div className="dialog-head">
        <h2 id={id}>{title}</h2>
        {onClose && (
          <IconButton label={t.common.close} look="quiet" small onClick={onClose}>
            <X />
          </IconButton>
        )}
      </div>
      <div className="dialog-body">{children}</div>
    </dialog>
  );
}

/** Asks before something that cannot be undone. */
export function Confirm({
  title,
  text,
  action,
  onConfirm,
  onClose,
  busy = false,
}: {
  title: string;
  text?: ReactNode;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
  busy?: boolean;
}) {
  const t = useTexts();
  return (
    <Dialog title={title} onClose={onClose}>
      {text && <p>{text}</p>}
      <div className="dialog-foot">
        <Button onClick={onClose}>{t.common.cancel}</Button>
        <Button look="danger" onClick={onConfirm} disabled={busy}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
