import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";

export type Check = { value: string; help?: string; disabled?: boolean };

/** Several of some names, each with what it means. */
export function Checks({
  legend,
  help,
  checks,
  chosen,
  onChange,
  plain = false,
}: {
  legend: string;
  help?: string;
  checks: readonly Check[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  /** Show what the name means in place of the name. */
  plain?: boolean;
}) {
  const t = useTexts();
  const open = checks.filter((check) => !check.disabled).map((check) => check.value);
  const all = open.every((value) => chosen.includes(value));
  return (
    <fieldset className="checks">
      <legend>{legend}</legend>
      {help && <p className="help">{help}</p>}
      <ul>
        {checks.map(({ value, help: meaning, disabled }) => (
          <li key={value}>
            <label>
              <input
                type="checkbox"
                checked={chosen.includes(value)}
                disabled={disabled}
                onChange={({ target }) =>
                  onChange(target.checked ? [...chosen, value] : chosen.filter((one) => one !== value))
                }
              />
              <span>
                {plain ? (meaning ?? value) : <code>{value}</code>}
                {!plain && meaning && <small>{meaning}</small>}
              </span>
            </label>
          </li>
        ))}
      </ul>
      {open.length > 3 && (
        <Button small look="quiet" onClick={() => onChange(all ? chosen.filter((one) => !open.includes(one)) : open)}>
          {all ? t.common.none : t.common.all}
        </Button>
      )}
    </fieldset>
  );
}
