import { useCatalogue } from "../../forms/catalogue.ts";
import type { FormField } from "../../forms/entries.ts";
import { useNames } from "../../forms/names.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Data } from "../../ui/Data.tsx";
import { useOperationName } from "../operations.ts";
import { isSet, operationRows, type Row, rowsOf } from "../parameters.ts";
import { humanized } from "../text.ts";

const COLOR = /^#([0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})$/i;

/** The operations of a task, with all chosen settings. */
export function Parameters({ parameters }: { parameters: readonly object[] }) {
  const t = useTexts();
  const name = useOperationName();
  const catalogue = useCatalogue();
  return (
    <ol className="task-parameters">
      {operationRows(parameters).map(({ operation, rows }, index) => {
        const fields = catalogue?.entry(operation)?.fields ?? [];
        const set = rows.filter((row) => isSet(row, fieldAt(fields, row.path)));
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the operations of a task never change.
          <li key={index}>
            <h3>{name(operation)}</h3>
            {set.length ? <Rows rows={set} fields={fields} /> : <p className="muted">{t.tasks.defaults}</p>}
          </li>
        );
      })}
    </ol>
  );
}

/** A JSON object for people. */
export function JsonRows({ value }: { value: unknown }) {
  return <Rows rows={rowsOf(value)} fields={[]} />;
}

function Rows({ rows, fields }: { rows: readonly Row[]; fields: readonly FormField[] }) {
  const t = useTexts();
  const names = useNames();
  const label = (part: string) =>
    /^\d+$/.test(part) ? part : (names.field(part) ?? t.server.detail(part) ?? humanized(part));
  return (
    <dl className="task-rows">
      {rows.map((row) => (
        <div key={row.path.join(".")}>
          <dt>{row.path.map(label).join(" · ")}</dt>
          <dd>
            <Value value={row.value} field={fieldAt(fields, row.path)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ value, field }: { value: Row["value"]; field: FormField | undefined }) {
  const t = useTexts();
  const formats = useFormats();
  if (typeof value === "boolean") return value ? t.common.yes : t.common.no;
  const option = field?.options?.find((one) => one.value === value);
  if (option) return option.label;
  if (typeof value === "number") return [formats.number(value), field?.unit].filter(Boolean).join(" ");
  // A person typed the value of a field; other values are the server's.
  if (!COLOR.test(value)) return field ? <Data>{value}</Data> : (t.server.detail(value) ?? value);
  return (
    <>
      <span className="task-color" style={{ background: value }} aria-hidden /> <code>{value}</code>
    </>
  );
}

function fieldAt(fields: readonly FormField[], [first, ...rest]: readonly string[]): FormField | undefined {
  if (first === undefined) return undefined;
  const field = fields.find(({ name }) => name === first);
  // Numbers in a path count the entries of a list.
  const inner = rest.filter((part) => !/^\d+$/.test(part));
  return field && inner.length ? fieldAt(field.fields ?? [], inner) : field;
}
