import { useState } from "react";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { daysAfter, isoOf, localOf } from "./times.ts";

const DAYS = [1, 7, 30, 90, 365] as const;
const USUAL = 30;

/** When a key ends: never, in so many days, or at a date. Read it with `expiryIn`. `latest` is when the caller's own access ends. */
export function ExpiryField({ latest }: { latest?: string }) {
  const t = useTexts();
  const format = useFormats();
  // Counted from when the field appeared, so that a form that is sent again says the same.
  const [now] = useState(() => new Date());
  const [chosen, setChosen] = useState("never");
  const end = latest ? new Date(latest) : undefined;
  const soEarly = (time: Date) => !end || time <= end;
  const usual = daysAfter(USUAL, now);
  return (
    <>
      <SelectField
        label={t.common.expires}
        help={latest && t.keys.latest(format.date(latest))}
        name="expiry"
        value={chosen}
        onChange={({ target }) => setChosen(target.value)}
        options={[
          { value: "never", label: latest ? t.keys.withMine : t.keys.never },
          ...DAYS.filter((days) => soEarly(daysAfter(days, now))).map((days) => ({
            value: daysAfter(days, now).toISOString(),
            label: t.keys.inDays(days),
          })),
          { value: "date", label: t.keys.atDate },
        ]}
      />
      {chosen === "date" && (
        <TextField
          label={t.keys.date}
          name="expiry-date"
          type="datetime-local"
          min={localOf(now)}
          max={end && localOf(end)}
          defaultValue={localOf(end && !soEarly(usual) ? end : usual)}
          required
        />
      )}
    </>
  );
}

/** The value of an `ExpiryField` of a form; undefined for never. */
export function expiryIn(given: FormData): string | undefined {
  const chosen = String(given.get("expiry") ?? "never");
  if (chosen === "never") return undefined;
  return chosen === "date" ? isoOf(String(given.get("expiry-date") ?? "")) : chosen;
}
