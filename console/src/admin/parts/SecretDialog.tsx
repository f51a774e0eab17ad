import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Note } from "../../ui/Feedback.tsx";
import { Secret } from "../../ui/Secret.tsx";

/** A new secret, which is shown once: neither Escape nor a click outside closes the dialog. */
export function SecretDialog({
  title,
  label,
  secret,
  about,
  onClose,
}: {
  title: string;
  /** The kind of secret. */
  label: string;
  secret: string;
  about?: string;
  onClose: () => void;
}) {
  const t = useTexts();
  return (
    <Dialog title={title}>
      {about && <p>{about}</p>}
      <Secret text={secret} label={label} />
      <Note tone="warn">{t.keys.once}</Note>
      <div className="dialog-foot">
        <Button look="primary" onClick={onClose}>
          {t.keys.saved}
        </Button>
      </div>
    </Dialog>
  );
}
