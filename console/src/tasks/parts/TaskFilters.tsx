import { type ChangeEvent, useEffect, useState } from "react";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { type Filters, isFiltered, PERIODS } from "../filters.ts";
import { isState, STATES } from "../model.ts";
import { useOperations } from "../operations.ts";

const TYPING_MS = 400;

/** Which tasks are shown. `replace`: the change is part of the one before, as a letter of a word is. */
export function TaskFilters({
  filters,
  onChange,
}: {
  filters: Filters;
  onChange: (filters: Filters, replace?: boolean) => void;
}) {
  const t = useTexts();
  const [days, setDays] = useState(false);
  const between = days || Boolean(filters.from || filters.to);
  const { period: _, from: __, to: ___, ...untimed } = filters;

  function choosePeriod(event: ChangeEvent<HTMLSelectElement>) {
    const { value } = event.target;
    setDays(value === "days");
    const period = PERIODS.find((one) => one === value);
    onChange({ ...untimed, ...(period && { period }) });
  }

  return (
    <search className="task-filters" aria-label={t.tasks.filters}>
      <SelectField
        label={t.common.status}
        value={filters.state ?? ""}
        options={[
          { value: "", label: t.common.all },
          ...STATES.map((state) => ({ value: state, label: t.tasks.states[state] })),
        ]}
        onChange={({ target }) => onChange({ ...filters, state: isState(target.value) ? target.value : undefined })}
      />
      <OperationField
        operation={filters.operation}
        onChange={(operation) => onChange({ ...filters, operation: operation || undefined })}
      />
      <NameField
        name={filters.name ?? ""}
        onChange={(name) => onChange({ ...filters, name: name || undefined }, true)}
      />
      <SelectField
        label={t.tasks.period}
        value={between ? "days" : (filters.period ?? "")}
        options={[
          { value: "", label: t.tasks.periods.any },
          ...PERIODS.map((period) => ({ value: period, label: t.tasks.periods[period] })),
          { value: "days", label: t.tasks.periods.days },
        ]}
        onChange={choosePeriod}
      />
      {between && (
        <>
          <TextField
            type="date"
            label={t.tasks.from}
            value={filters.from ?? ""}
            max={filters.to}
            onChange={({ target }) => onChange({ ...filters, from: target.value || undefined }, true)}
          />
          <TextField
            type="date"
            label={t.tasks.to}
            value={filters.to ?? ""}
            min={filters.from}
            onChange={({ target }) => onChange({ ...filters, to: target.value || undefined }, true)}
          />
        </>
      )}
      {isFiltered(filters) && (
        <Button
          look="quiet"
          onClick={() => {
            setDays(false);
            onChange({});
          }}
        >
          {t.tasks.clear}
        </Button>
      )}
    </search>
  );
}

function OperationField({ operation = "", onChange }: { operation?: string; onChange: (operation: string) => void }) {
  const t = useTexts();
  const known = useOperations();
  const unknown = operation && !known.some(({ id }) => id === operation) ? [{ id: operation, name: operation }] : [];
  const options = [...known, ...unknown].map(({ id, name }) => ({ value: id, label: name }));
  return (
    <SelectField
      label={t.tasks.operations}
      value={operation}
      options={[{ value: "", label: t.tasks.anyOperation }, ...options]}
      onChange={({ target }) => onChange(target.value)}
    />
  );
}

/** The server is asked when somebody stops typing. */
function NameField({ name, onChange }: { name: string; onChange: (name: string) => void }) {
  const t = useTexts();
  const [typed, setTyped] = useState<string>();
  useEffect(() => {
    if (typed === undefined) return;
    const timer = setTimeout(() => {
      onChange(typed);
      setTyped(undefined);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, onChange]);
  return (
    <TextField
      type="search"
      label={t.tasks.name}
      maxLength={100}
      value={typed ?? name}
      onChange={({ target }) => setTyped(target.value)}
    />
  );
}
