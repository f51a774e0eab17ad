import { type ReactNode, useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { SwitchField } from "../ui/Field.tsx";
import { useAbout } from "./controls/about.tsx";
import { BoxesControl } from "./controls/BoxesControl.tsx";
import { ChecksControl } from "./controls/ChecksControl.tsx";
import { ChoiceControl } from "./controls/ChoiceControl.tsx";
import { ColorControl } from "./controls/ColorControl.tsx";
import { ListControl, type RowProps } from "./controls/ListControl.tsx";
import { NumberControl } from "./controls/NumberControl.tsx";
import { TextControl } from "./controls/TextControl.tsx";
import type { FormField, Settings } from "./entries.ts";
import { inSight } from "./fold.ts";
import { type ControlProps, useFieldError, useSurroundings } from "./surroundings.ts";
import { changed, record, shown, valueNow } from "./values.ts";

/** The controls of fields; with `fold`, those that are rarely used are behind a click. */
export function FieldList({
  fields,
  value,
  onChange,
  path,
  fold = false,
}: {
  fields: readonly FormField[];
  value: Settings;
  onChange: (value: Settings, name: string) => void;
  /** The field of the object that they are in, with its dot. */
  path: string;
  fold?: boolean;
}) {
  const visible = fields.filter((field) => shown(field, fields, value));
  const first = fold ? inSight(fields) : undefined;
  const control = (field: FormField) => (
    <FieldControl
      key={field.name}
      field={field}
      path={`${path}${field.name}`}
      value={valueNow(field, value)}
      onChange={(next) => onChange(changed(field, value, next), field.name)}
    />
  );
  const rest = visible.filter((field) => first && !first.has(field.name));
  return (
    <>
      <div className="settings-fields">{visible.filter((field) => !first || first.has(field.name)).map(control)}</div>
      {rest.length > 0 && (
        <Folded names={rest.map((field) => field.name)} value={value}>
          {rest.map(control)}
        </Folded>
      )}
    </>
  );
}

function Folded({ names, value, children }: { names: readonly string[]; value: Settings; children: ReactNode }) {
  const t = useTexts();
  const { faults, errors } = useSurroundings();
  const [asked, setAsked] = useState<boolean>();
  const isIn = (path: string) => names.includes(path.split(/[.[]/, 1)[0] ?? "");
  // Problems are visible, whatever was requested.
  const wrong = Object.keys(errors).some(isIn) || faults.some((fault) => fault.kind !== "missing" && isIn(fault.path));
  const open = wrong || (asked ?? names.some((name) => name in value));
  return (
    <details className="settings-more" open={open} onToggle={(event) => setAsked(event.currentTarget.open)}>
      <summary>{t.forms.more(names.length)}</summary>
      <div className="settings-fields">{children}</div>
    </details>
  );
}

/** The control that suits a field. */
function FieldControl(props: ControlProps) {
  switch (props.field.type) {
    case "integer":
    case "number":
      return <NumberControl {...props} />;
    case "boolean":
      return <BooleanControl {...props} />;
    case "enum":
      return <ChoiceControl {...props} />;
    case "color":
      return <ColorControl {...props} />;
    case "list":
      if (props.field.item?.options) return <ChecksControl {...props} />;
      return <ListControl {...props} Row={RowControl} />;
    case "object":
      return <ObjectControl {...props} />;
    case "boxes":
      return <BoxesControl {...props} Row={RowControl} />;
    case "file":
      return <OtherFile {...props} />;
    default:
      return <TextControl {...props} />;
  }
}

/** One row of a list: the fields of an object, or a plain value. */
function RowControl({ field, path, value, number, onChange }: RowProps) {
  const t = useTexts();
  if (field.fields)
    return (
      <fieldset className="settings-group">
        <legend>{t.forms.row(number)}</legend>
        <FieldList fields={field.fields} value={record(value)} onChange={onChange} path={`${path}.`} />
      </fieldset>
    );
  const item: FormField = { type: "string", ...field.item, name: "", label: t.forms.row(number), required: true };
  // A row that is emptied stays until it is removed.
  return <FieldControl field={item} path={path} value={value} onChange={(next) => onChange(next ?? "")} />;
}

/** Fields that belong together. */
function ObjectControl({ field, path, value, onChange }: ControlProps) {
  const { label, help } = useAbout(field);
  return (
    <fieldset className="settings-group">
      <legend>{label}</legend>
      {help && <div className="help">{help}</div>}
      <FieldList fields={field.fields ?? []} value={record(value)} onChange={onChange} path={`${path}.`} />
    </fieldset>
  );
}

function BooleanControl({ field, path, value, onChange }: ControlProps) {
  const about = useAbout(field);
  return <SwitchField {...about} error={useFieldError(path)} checked={value === true} onChange={onChange} />;
}

function OtherFile({ field, path, value, onChange }: ControlProps) {
  const t = useTexts();
  const { label, help } = useAbout(field);
  const { renderFile } = useSurroundings();
  const error = useFieldError(path);
  return (
    <fieldset className="field">
      <legend className="label">{label}</legend>
      {renderFile ? renderFile(field, value, onChange) : <p className="muted">{t.forms.noFile}</p>}
      {help && <div className="help">{help}</div>}
      {error && (
        <span className="error" role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}
