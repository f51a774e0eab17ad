import { RotateCcw } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import "../styles/forms.css";
import { Button } from "../ui/Button.tsx";
import type { FormEntry, FormField, Settings } from "./entries.ts";
import { FieldList } from "./FieldList.tsx";
import { faultsOfEntry } from "./faults.ts";
import { FormContext, useFaultWords, useSurroundings } from "./surroundings.ts";

/** A control for a file besides the ones that are worked on; what it gives is put in the settings. */
export type FileControl = (field: FormField, value: unknown, onChange: (value: unknown) => void) => ReactNode;

/**
 * The settings of a tool or an operation. `value` holds only what differs from the defaults, and what a person is still typing:
 * `validSettings` says whether it can be run, and `sent` which values to send.
 */
export function SettingsForm({
  entry,
  value,
  onChange,
  errors = NO_ERRORS,
  picture,
  renderFile,
}: {
  entry: Pick<FormEntry, "fields" | "one_of">;
  value: Settings;
  onChange: (value: Settings) => void;
  /** The server's errors of fields, by their paths: `fieldErrorsOf(error)`. One is hidden once its field has changed. */
  errors?: Readonly<Record<string, string>>;
  /** URL of the picture on which boxes are drawn. */
  picture?: string;
  renderFile?: FileControl;
}) {
  const t = useTexts();
  const [mended, setMended] = useState<{ errors: unknown; names: readonly string[] }>({ errors, names: [] });
  const surroundings = useMemo(() => {
    const names = mended.errors === errors ? mended.names : [];
    const left = Object.entries(errors).filter(([path]) => !names.includes(path.split(/[.[]/, 1)[0] ?? ""));
    return { faults: faultsOfEntry(entry, value), errors: Object.fromEntries(left), picture, renderFile };
  }, [entry, value, errors, mended, picture, renderFile]);

  function change(next: Settings, name: string) {
    setMended((before) => ({ errors, names: [...(before.errors === errors ? before.names : []), name] }));
    onChange(next);
  }

  if (!entry.fields.length) return <p className="muted">{t.forms.noSettings}</p>;
  return (
    <FormContext.Provider value={surroundings}>
      <div className="settings">
        <FieldList fields={entry.fields} value={value} onChange={change} path="" fold />
        <Unmet entry={entry} />
        {Object.keys(value).length > 0 && (
          <div>
            <Button small look="quiet" onClick={() => onChange({})}>
              <RotateCcw aria-hidden />
              {t.forms.reset}
            </Button>
          </div>
        )}
      </div>
    </FormContext.Provider>
  );
}

/** Groups of fields of which one has to be set. */
function Unmet({ entry }: { entry: Pick<FormEntry, "fields"> }) {
  const inWords = useFaultWords();
  const { faults } = useSurroundings();
  const label = (name: string) => entry.fields.find((field) => field.name === name)?.label ?? name;
  return faults
    .filter((fault) => fault.kind === "either")
    .map((fault) => (
      <p key={fault.path} className="unmet" role="status">
        {inWords(fault, fault.names?.map(label))}
      </p>
    ));
}

const NO_ERRORS: Readonly<Record<string, string>> = {};
