import { type ControlProps, useFieldError } from "../surroundings.ts";
import { list } from "../values.ts";
import { useAbout } from "./about.tsx";

/** Any of several values. */
export function ChecksControl({ field, path, value, onChange }: ControlProps) {
  const { label, help } = useAbout(field);
  const error = useFieldError(path);
  const options = field.item?.options ?? [];
  const chosen = list(value);
  const put = (which: unknown, is: boolean) =>
    onChange(options.map((option) => option.value).filter((each) => (each === which ? is : chosen.includes(each))));
  return (
    <fieldset className="field">
      <legend className="label">{label}</legend>
      <div className="settings-checks">
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="checkbox"
              checked={chosen.includes(option.value)}
              onChange={(event) => put(option.value, event.target.checked)}
            />
            {option.label}
            {option.help && <span className="help">{option.help.replaceAll("`", "")}</span>}
          </label>
        ))}
      </div>
      {help && <div className="help">{help}</div>}
      {error && (
        <span className="error" role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}
