import { type ReactNode, useId } from "react";
import { useTexts } from "../../i18n/texts.ts";
import { SelectField } from "../../ui/Field.tsx";
import type { Option } from "../entries.ts";
import { type ControlProps, useFieldError } from "../surroundings.ts";
import { useAbout } from "./about.tsx";

const MOST_BUTTONS = 4;
const MOST_CHARACTERS = 44;

/** One of several values: buttons while they are few and short, or else a list. */
export function ChoiceControl(props: ControlProps) {
  const t = useTexts();
  const { field, path, value, onChange } = props;
  const about = useAbout(field);
  const error = useFieldError(path);
  const options = field.options ?? [];
  const open = field.default === undefined;
  const shown = [
    ...(open ? [{ key: "", label: field.required ? t.forms.choose : t.forms.automatic }] : []),
    ...options.map((option) => ({ key: String(option.value), label: option.label })),
  ];
  const choose = (key: string) => onChange(options.find((option) => String(option.value) === key)?.value);
  const key = value === undefined ? "" : String(value);
  const characters = shown.reduce((sum, option) => sum + option.label.length + 3, 0);
  if (shown.length > 1 && !(open && field.required) && shown.length <= MOST_BUTTONS && characters <= MOST_CHARACTERS)
    return <Buttons about={about} error={error} options={shown} value={key} onChange={choose} />;
  return (
    <SelectField
      label={about.label}
      help={<WithOption help={about.help} option={options.find((option) => String(option.value) === key)} />}
      error={error}
      options={shown.map((option) => ({ value: option.key, label: option.label }))}
      value={key}
      onChange={(event) => choose(event.target.value)}
    />
  );
}

/** The help of a field, and that of the value that is chosen. */
function WithOption({ help, option }: { help: ReactNode; option: Option | undefined }) {
  return (
    <>
      {help}
      {option?.help && <span className="limits">{option.help.replaceAll("`", "")}</span>}
    </>
  );
}

function Buttons({
  about,
  error,
  options,
  value,
  onChange,
}: {
  about: ReturnType<typeof useAbout>;
  error: string | undefined;
  options: readonly { key: string; label: string }[];
  value: string;
  onChange: (key: string) => void;
}) {
  const id = useId();
  return (
    <fieldset className="field" aria-describedby={about.help ? `${id}-help` : undefined}>
      <legend className="label">{about.label}</legend>
      <div className="segments">
        {options.map((option) => (
          <label key={option.key}>
            <input
              type="radio"
              name={id}
              checked={option.key === value}
              onChange={() => onChange(option.key)}
              className="hidden-visually"
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
      {about.help && (
        <span className="help" id={`${id}-help`}>
          {about.help}
        </span>
      )}
      {error && (
        <span className="error" role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}
