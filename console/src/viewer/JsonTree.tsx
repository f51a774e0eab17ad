import { useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { inLine, type Json, shapeOf, wordsOf } from "./json.ts";

const ROWS = 100;

/** A value of JSON in a form that is read easily. */
export function JsonTree({ value, label }: { value: Json; label: string }) {
  const t = useTexts();
  const shape = shapeOf(value);
  switch (shape.kind) {
    case "plain":
      return <span>{typeof value === "boolean" ? (value ? t.common.yes : t.common.no) : shape.text || "–"}</span>;
    case "colour":
      return <Swatch colour={shape.colour} />;
    case "picture":
      return <img className="json-picture" src={shape.src} alt={label} />;
    case "long":
      return <p className="json-text">{shape.text}</p>;
    case "values":
      if (!shape.values.length) return <span className="muted">{t.viewer.noEntries}</span>;
      return (
        <ul className="json-values">
          {shape.values.map((each, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: values have nothing but their place
            <li key={index}>
              <JsonTree value={each} label={label} />
            </li>
          ))}
        </ul>
      );
    case "table":
      return <Rows columns={shape.columns} rows={shape.rows} label={label} />;
    case "list":
      return <List values={shape.values} label={label} />;
    case "record":
      return (
        <dl className="json-record">
          {shape.entries.map(([key, each]) => (
            <div key={key}>
              <dt>{wordsOf(key)}</dt>
              <dd>
                <JsonTree value={each} label={wordsOf(key)} />
              </dd>
            </div>
          ))}
        </dl>
      );
  }
}

function Swatch({ colour }: { colour: string }) {
  return (
    <span className="json-colour">
      <span className="json-swatch" style={{ background: colour }} />
      <code>{colour}</code>
    </span>
  );
}

function Rows({
  columns,
  rows,
  label,
}: {
  columns: readonly string[];
  rows: readonly { readonly [key: string]: Json }[];
  label: string;
}) {
  const t = useTexts();
  const [most, setMost] = useState(ROWS);
  return (
    <>
      <div className="table-wrap">
        <table className="table stack">
          <caption className="hidden-visually">{label}</caption>
          <thead>
            <tr>
              <th scope="col">{t.viewer.number}</th>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {wordsOf(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, most).map((row, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have nothing but their place
              <tr key={index}>
                <th scope="row">{index + 1}</th>
                {columns.map((column) => (
                  <td key={column} data-label={wordsOf(column)}>
                    <Cell value={row[column] ?? null} label={wordsOf(column)} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > most && (
        <Button small onClick={() => setMost(most + ROWS)}>
          {t.common.more}
        </Button>
      )}
    </>
  );
}

function Cell({ value, label }: { value: Json; label: string }) {
  if (typeof value === "object" && value !== null) return <span className="json-small">{inLine(value)}</span>;
  return <JsonTree value={value} label={label} />;
}

function List({ values, label }: { values: readonly Json[]; label: string }) {
  const t = useTexts();
  const [most, setMost] = useState(ROWS);
  return (
    <>
      <ol className="json-list">
        {values.slice(0, most).map((each, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have nothing but their place
          <li key={index}>
            <JsonTree value={each} label={`${label} ${index + 1}`} />
          </li>
        ))}
      </ol>
      {values.length > most && (
        <Button small onClick={() => setMost(most + ROWS)}>
          {t.common.more}
        </Button>
      )}
    </>
  );
}
