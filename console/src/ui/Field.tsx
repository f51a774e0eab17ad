import { Switch as RadixSwitch } from "radix-ui";
import { type ComponentProps, type ReactNode, useId } from "react";

type About = { label: ReactNode; help?: ReactNode; error?: ReactNode };

/** The attributes that join a control to its label, help and error for a screen reader. */
type Joined = { id: string; "aria-describedby": string | undefined; "aria-invalid": true | undefined };

/** A labelled control: `children` gets what it must put on the control. */
export function Field({ label, help, error, children }: About & { children: (joined: Joined) => ReactNode }) {
  const id = useId();
  const described = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
      {help && (
        <span className="help" id={`${id}-help`}>
          {help}
        </span>
      )}
      {error && (
        <span className="error" id={`${id}-error`} role="alert">
          {error}
        </span>
      )}
    </div>
  );
}

export function TextField({ label, help, error, ...rest }: About & Omit<ComponentProps<"input">, "children">) {
  return (
    <Field label={label} help={help} error={error}>
      {(joined) => <input className="input" {...rest} {...joined} />}
    </Field>
  );
}

export function TextArea({ label, help, error, ...rest }: About & Omit<ComponentProps<"textarea">, "children">) {
  return (
    <Field label={label} help={help} error={error}>
      {(joined) => <textarea className="input" {...rest} {...joined} />}
    </Field>
  );
}

export type Option = {
  value: string;
  label: string;
  /** The label is data, which is the same in every language. */
  data?: boolean;
};

export function SelectField({
  label,
  help,
  error,
  options,
  ...rest
}: About & { options: readonly Option[] } & ComponentProps<"select">) {
  return (
    <Field label={label} help={help} error={error}>
      {(joined) => (
        <select className="input" {...rest} {...joined}>
          {options.map((option) => (
            <option key={option.value} value={option.value} translate={option.data ? "no" : undefined}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function SwitchField({
  label,
  help,
  error,
  checked,
  onChange,
  disabled,
}: About & { checked: boolean; onChange: (checked: boolean) => void; disabled?: boolean }) {
  return (
    <Field label={label} help={help} error={error}>
      {(joined) => (
        <RadixSwitch.Root
          className="switch"
          checked={checked}
          onCheckedChange={onChange}
          disabled={disabled}
          {...joined}
        >
          <RadixSwitch.Thumb />
        </RadixSwitch.Root>
      )}
    </Field>
  );
}
