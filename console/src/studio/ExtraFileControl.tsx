import { useState } from "react";
import type { FormField } from "../forms/entries.ts";
import { MaskPainter } from "../forms/MaskPainter.tsx";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { ErrorNote } from "../ui/Feedback.tsx";
import { Field } from "../ui/Field.tsx";
import { errorText } from "../uploads/index.ts";
import { besideTheOthers } from "./aside.ts";
import { isExtraFile } from "./extraFiles.ts";

const MASK = "mask_file_id";

/** Takes a file that an operation needs besides those that it works on: chosen, or, for a mask, painted on the picture. */
export function ExtraFileControl({
  field,
  value,
  onChange,
  picture,
}: {
  field: FormField;
  value: unknown;
  onChange: (value: unknown) => void;
  /** URL of the picture that a mask is painted on. */
  picture: string | undefined;
}) {
  const t = useTexts();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  async function send(file: File) {
    setBusy(true);
    setError(undefined);
    try {
      const done = await besideTheOthers(file);
      if (done.state === "done" && done.fileId) onChange({ fileId: done.fileId, name: done.name });
      else setError(new Error(done.error ? errorText(t, done.error) : t.studio.uploadFailed));
    } finally {
      setBusy(false);
    }
  }

  if (field.name === MASK && picture) {
    return (
      <>
        <MaskPainter
          src={picture}
          onChange={(mask) =>
            mask ? void send(new File([mask], "mask.png", { type: "image/png" })) : onChange(undefined)
          }
        />
        <ErrorNote error={error} />
      </>
    );
  }
  return (
    <Field label={field.label} help={isExtraFile(value) ? value.name : undefined}>
      {(joined) => (
        <div className="row">
          <input
            className="input"
            type="file"
            accept="image/*"
            disabled={busy}
            onChange={(event) => event.target.files?.[0] && void send(event.target.files[0])}
            {...joined}
          />
          {isExtraFile(value) && (
            <Button small onClick={() => onChange(undefined)}>
              {t.common.remove}
            </Button>
          )}
          <ErrorNote error={error} />
        </div>
      )}
    </Field>
  );
}
