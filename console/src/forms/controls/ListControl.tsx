import { Plus, Trash2 } from "lucide-react";
import { useTexts } from "../../i18n/texts.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import type { FormField } from "../entries.ts";
import { FieldList } from "../FieldList.tsx";
import { useNames } from "../names.ts";
import { useFieldError } from "../surroundings.ts";
import { list, newRow, record } from "../values.ts";
import { useAbout } from "./about.tsx";
import { type ControlProps, FieldControl } from "./FieldControl.tsx";

/** Rows of plain values or of objects, to add and to remove. */
export function ListControl({ field, path, value, onChange }: ControlProps) {
  const t = useTexts();
  const names = useNames();
  const { label, help } = useAbout(field);
  const error = useFieldError(path);
  const rows = list(value);
  const full = field.max_items !== undefined && rows.length >= field.max_items;
  const put = (index: number, row: unknown) => onChange(rows.map((each, at) => (at === index ? row : each)));
  return (
    <fieldset className="settings-group">
      <legend>{label}</legend>
      {help && <div className="help">{help}</div>}
      {rows.map((row, index) => (
        // Rows have nothing but their place.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <div className="settings-row" key={index}>
          <Row
            field={field}
            path={`${path}[${index}]`}
            row={row}
            number={index + 1}
            onChange={(next) => put(index, next)}
          />
          <IconButton
            label={t.forms.removeRow(index + 1)}
            look="quiet"
            small
            onClick={() => onChange(rows.filter((_, at) => at !== index))}
          >
            <Trash2 />
          </IconButton>
        </div>
      ))}
      {error && (
        <span className="error" role="alert">
          {error}
        </span>
      )}
      <div>
        <Button small disabled={full} onClick={() => onChange([...rows, newRow(field)])}>
          <Plus aria-hidden />
          {t.forms.addTo(names.field(field))}
        </Button>
      </div>
    </fieldset>
  );
}

function Row({
  field,
  path,
  row,
  number,
  onChange,
}: {
  field: FormField;
  path: string;
  row: unknown;
  number: number;
  onChange: (row: unknown) => void;
}) {
  const t = useTexts();
  if (field.fields)
    return (
      <fieldset className="settings-group">
        <legend>{t.forms.row(number)}</legend>
        <FieldList fields={field.fields} value={record(row)} onChange={onChange} path={`${path}.`} />
      </fieldset>
    );
  const item: FormField = { type: "string", ...field.item, name: "", label: t.forms.row(number), required: true };
  // A row that is emptied stays until it is removed.
  return <FieldControl field={item} path={path} value={row} onChange={(next) => onChange(next ?? "")} />;
}
