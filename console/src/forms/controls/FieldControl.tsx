import { useTexts } from "../../i18n/texts.ts";
import { SwitchField } from "../../ui/Field.tsx";
import type { FormField } from "../entries.ts";
import { useFieldError, useSurroundings } from "../surroundings.ts";
import { useAbout } from "./about.tsx";
import { BoxesControl } from "./BoxesControl.tsx";
import { ChecksControl } from "./ChecksControl.tsx";
import { ChoiceControl } from "./ChoiceControl.tsx";
import { ColorControl } from "./ColorControl.tsx";
import { ListControl } from "./ListControl.tsx";
import { NumberControl } from "./NumberControl.tsx";
import { ObjectControl } from "./ObjectControl.tsx";
import { TextControl } from "./TextControl.tsx";

export type ControlProps = {
  field: FormField;
  /** Where it is in the settings, such as `effects.shadow`. */
  path: string;
  /** What was set, or else the default. */
  value: unknown;
  /** Undefined: as if nothing had been set. */
  onChange: (value: unknown) => void;
};

/** The control that suits a field. */
export function FieldControl(props: ControlProps) {
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
      return <ListControl {...props} />;
    case "object":
      return <ObjectControl {...props} />;
    case "boxes":
      return <BoxesControl {...props} />;
    case "file":
      return <OtherFile {...props} />;
    default:
      return <TextControl {...props} />;
  }
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
