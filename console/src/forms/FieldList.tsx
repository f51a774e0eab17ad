import { type ReactNode, useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { FieldControl } from "./controls/FieldControl.tsx";
import type { FormField, Settings } from "./entries.ts";
import { inSight } from "./fold.ts";
import { useSurroundings } from "./surroundings.ts";
import { changed, shown, valueNow } from "./values.ts";

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
  /** Of the object that they are in, with its dot. */
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
  // What is wrong is in sight, whatever was asked for.
  const wrong = Object.keys(errors).some(isIn) || faults.some((fault) => fault.kind !== "missing" && isIn(fault.path));
  const open = wrong || (asked ?? names.some((name) => name in value));
  return (
    <details className="settings-more" open={open} onToggle={(event) => setAsked(event.currentTarget.open)}>
      <summary>{t.forms.more(names.length)}</summary>
      <div className="settings-fields">{children}</div>
    </details>
  );
}
