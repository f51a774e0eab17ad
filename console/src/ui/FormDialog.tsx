import { useMutation } from "@tanstack/react-query";
import type { FormEvent, ReactNode } from "react";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "./Button.tsx";
import { Dialog } from "./Dialog.tsx";
import { ErrorNote } from "./Feedback.tsx";

/** A form in a dialog. If `submit` throws, the dialog says why and keeps what was typed; otherwise `onClose` comes after it. */
export function FormDialog({
  title,
  action,
  submit,
  onClose,
  wide = false,
  ready = true,
  children,
}: {
  title: string;
  /** Text of the button. */
  action: string;
  submit: (given: FormData) => Promise<unknown>;
  onClose: () => void;
  wide?: boolean;
  /** Whether it can be sent; the browser checks `required` and the like by itself. */
  ready?: boolean;
  children: ReactNode;
}) {
  const t = useTexts();
  const sending = useMutation({ mutationFn: submit, onSuccess: onClose });
  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    sending.mutate(new FormData(event.currentTarget));
  }
  return (
    <Dialog title={title} onClose={onClose} wide={wide}>
      <form className="dialog-form" onSubmit={send}>
        {children}
        <ErrorNote error={sending.error} />
        <div className="dialog-foot">
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={!ready || sending.isPending}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
