import { Plus, Trash2 } from "lucide-react";
import type { ComponentType } from "react";
import { useTexts } from "../../i18n/texts.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { type ControlProps, useFieldError } from "../surroundings.ts";
import { list, newRow } from "../values.ts";
import { useAbout } from "./about.tsx";

/** `field` is that of the list; `number` counts from 1. */
export type RowProps = ControlProps & { number: number };
/** A list with the control of a row. The caller passes it, since a row may itself have lists. */
export type ListProps = ControlProps & { Row: ComponentType<RowProps> };

/** Rows of plain values or of objects, to add and to remove. */
export function ListControl({ field, path, value, onChange, Row }: ListProps) {
  const t = useTexts();
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
            value={row}
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
          {t.forms.addTo(field.label)}
        </Button>
      </div>
    </fieldset>
  );
}
