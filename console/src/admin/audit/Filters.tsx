import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, TextField } from "../../ui/Field.tsx";
import { isoOf } from "../parts/times.ts";
import { worded } from "../parts/words.ts";
import { ACTIONS, type Action, grouped } from "./actions.ts";

/** The content of the fields; empty for all. */
export type Filtered = { action: string; resource: string; key: string; from: string; until: string };
export const NOTHING: Filtered = { action: "", resource: "", key: "", from: "", until: "" };

const ID = /^[1-9][0-9]{0,14}$/;

/** The query to the server. An incomplete id is left out. */
export function queryOf(filters: Filtered) {
  const action = ACTIONS.find((one) => one === filters.action);
  return {
    action: action && ([action] satisfies Action[]),
    resource_id: ID.test(filters.resource) ? filters.resource : undefined,
    key_id: ID.test(filters.key) ? filters.key : undefined,
    start_time: isoOf(filters.from),
    end_time: isoOf(filters.until),
  };
}

export function Filters({ of, onChange }: { of: Filtered; onChange: (filters: Filtered) => void }) {
  const t = useTexts();
  const set = (change: Partial<Filtered>) => onChange({ ...of, ...change });
  const wrong = (id: string) => (id === "" || ID.test(id) ? undefined : t.audit.idRule);
  return (
    <div className="filters">
      <Field label={t.audit.action}>
        {(joined) => (
          <select
            className="input"
            value={of.action}
            onChange={({ target }) => set({ action: target.value })}
            {...joined}
          >
            <option value="">{t.common.all}</option>
            {[...grouped()].map(([kind, actions]) => (
              <optgroup key={kind} label={worded(t.audit.kinds, kind)}>
                {actions.map((action) => (
                  <option key={action} value={action}>
                    {t.audit.actions[action]}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        )}
      </Field>
      <TextField
        label={t.audit.resource}
        error={wrong(of.resource)}
        value={of.resource}
        inputMode="numeric"
        onChange={({ target }) => set({ resource: target.value.trim() })}
      />
      <TextField
        label={t.audit.key}
        error={wrong(of.key)}
        value={of.key}
        inputMode="numeric"
        onChange={({ target }) => set({ key: target.value.trim() })}
      />
      <TextField
        label={t.audit.from}
        type="datetime-local"
        value={of.from}
        onChange={({ target }) => set({ from: target.value })}
      />
      <TextField
        label={t.audit.until}
        type="datetime-local"
        value={of.until}
        onChange={({ target }) => set({ until: target.value })}
      />
      <Button
        className="align-end"
        disabled={Object.values(of).every((value) => value === "")}
        onClick={() => onChange(NOTHING)}
      >
        {t.audit.clear}
      </Button>
    </div>
  );
}
