import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { Field } from "../../ui/Field.tsx";
import { type ControlProps, useFieldError } from "../surroundings.ts";
import { useAbout } from "./about.tsx";

const DIGITS = /^#[0-9a-f]{6}/i;

/** The browser's colour picker and the colour's code. One that has no default can be none. */
export function ColorControl({ field, path, value, onChange }: ControlProps) {
  const t = useTexts();
  const about = useAbout(field);
  const error = useFieldError(path);
  const text = typeof value === "string" ? value : "";
  const label = field.label;
  const open = field.default === undefined && !field.required;
  return (
    <Field {...about} error={error}>
      {(joined) => (
        <div className="color">
          <input
            type="color"
            aria-label={label}
            className={DIGITS.test(text) ? undefined : "unset"}
            value={DIGITS.exec(text)?.[0].toLowerCase() ?? "#ffffff"}
            onChange={(event) => onChange(event.target.value + (DIGITS.test(text) ? text.slice(7) : ""))}
          />
          <input
            className="input mono"
            {...joined}
            aria-label={t.forms.colorCode(label)}
            value={text}
            placeholder={open ? t.forms.noColor : "#ffffff"}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => onChange(event.target.value.trim())}
          />
          {open && text && (
            <Button small look="quiet" onClick={() => onChange(undefined)}>
              {t.forms.noColor}
            </Button>
          )}
          {field.also?.map((word) => (
            <Button key={word} small aria-pressed={text === word} onClick={() => onChange(word)}>
              {word === "transparent" ? t.forms.transparent : word}
            </Button>
          ))}
        </div>
      )}
    </Field>
  );
}
