import { FieldList } from "../FieldList.tsx";
import { record } from "../values.ts";
import { useAbout } from "./about.tsx";
import type { ControlProps } from "./FieldControl.tsx";

/** Fields that belong together. */
export function ObjectControl({ field, path, value, onChange }: ControlProps) {
  const { label, help } = useAbout(field);
  return (
    <fieldset className="settings-group">
      <legend>{label}</legend>
      {help && <div className="help">{help}</div>}
      <FieldList fields={field.fields ?? []} value={record(value)} onChange={onChange} path={`${path}.`} />
    </fieldset>
  );
}
