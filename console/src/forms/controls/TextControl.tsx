import { useId } from "react";
import { useTexts } from "../../i18n/texts.ts";
import { TextArea, TextField } from "../../ui/Field.tsx";
import { type ControlProps, useFieldError, useSurroundings } from "../surroundings.ts";
import { useAbout } from "./about.tsx";

/** A text of one line, or of several where it may be long. The requirement of a pattern is shown in the server's words. */
export function TextControl({ field, path, value, onChange }: ControlProps) {
  const about = useAbout(field);
  const found = useFieldError(path);
  const t = useTexts();
  const { faults, errors } = useSurroundings();
  const asked = faults.find((fault) => fault.path === path && fault.kind === "pattern")?.must;
  const error =
    asked && !errors[path] ? (
      <>
        {found} {t.forms.must(asked)}
      </>
    ) : (
      found
    );
  const id = useId();
  const common = { ...about, error, value: value === undefined ? "" : String(value), autoComplete: "off" };
  return field.type === "text" ? (
    <TextArea {...common} rows={4} onChange={(event) => onChange(event.target.value)} />
  ) : (
    <>
      <TextField {...common} list={field.also && id} onChange={(event) => onChange(event.target.value)} />
      {field.also && (
        <datalist id={id}>
          {field.also.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
      )}
    </>
  );
}
