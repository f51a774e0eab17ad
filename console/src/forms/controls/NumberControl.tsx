import { useState } from "react";
import { useTexts } from "../../i18n/texts.ts";
import { Field } from "../../ui/Field.tsx";
import { slider } from "../slider.ts";
import { type ControlProps, useFieldError } from "../surroundings.ts";
import { typed } from "../values.ts";
import { useAbout } from "./about.tsx";

/** A box for a number, with a slider where its limits are near enough to each other. */
export function NumberControl({ field, path, value, onChange }: ControlProps) {
  const t = useTexts();
  const about = useAbout(field);
  const error = useFieldError(path);
  // Input is kept as typed: "1." is 1, but not yet.
  const [text, setText] = useState<string>();
  const track = slider(field);
  const current = value === undefined ? "" : String(value);
  const written = text !== undefined && (typed(text) ?? field.default) === value ? text : current;
  return (
    <Field {...about} error={error}>
      {(joined) => (
        <div className="number">
          {track && (
            <input
              type="range"
              aria-label={field.label}
              min={track.min}
              max={track.max}
              step={track.step}
              value={typeof value === "number" ? value : track.min}
              onChange={(event) => {
                setText(undefined);
                onChange(Number(event.target.value));
              }}
            />
          )}
          <span className="number-box">
            <input
              className="input"
              type="text"
              inputMode={field.type === "integer" && (field.min ?? -1) >= 0 ? "numeric" : "decimal"}
              autoComplete="off"
              placeholder={value === undefined ? t.forms.unset : undefined}
              value={written}
              onChange={(event) => {
                setText(event.target.value);
                onChange(typed(event.target.value));
              }}
              onBlur={() => setText(undefined)}
              {...joined}
            />
            {field.unit && <span className="unit">{field.unit}</span>}
          </span>
        </div>
      )}
    </Field>
  );
}
