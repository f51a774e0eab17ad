import { type ReactNode, useState } from "react";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import type { FormField } from "../entries.ts";
import { firstSentence, pieces } from "../help.ts";

/** A limit as far as this is that of the number's type. */
const FAR = 1e9;

/** Label and help of a field; the help has the limits in it if its text does not say them. */
export function useAbout(field: FormField): { label: ReactNode; help: ReactNode } {
  const t = useTexts();
  const limits = useLimits(field);
  const said = field.help ?? "";
  const label = field.label;
  return {
    label: field.required ? (
      <>
        {label} <span className="required">{t.forms.required}</span>
      </>
    ) : (
      label
    ),
    help:
      said || limits ? (
        <>
          {said && <Help text={said} />}
          {limits && <span className="limits">{limits}</span>}
        </>
      ) : undefined,
  };
}

/** The bounds of a number or a text; undefined where anything is allowed. */
function useLimits(field: FormField): string | undefined {
  const t = useTexts().forms;
  const { number } = useFormats();
  const unit = field.unit ? ` ${field.unit}` : "";
  const [least, most] = [told(field.min), told(field.max)];
  if (field.type === "string" || field.type === "text")
    return field.max_length !== undefined ? t.characters(number(field.max_length)) : undefined;
  if (field.type !== "integer" && field.type !== "number") return undefined;
  if (least !== undefined && most !== undefined) {
    const inHelp = [`${least} to ${most}`, `${least} 到 ${most}`].some((range) => field.help?.includes(range));
    return inHelp ? undefined : t.between(number(least), number(most) + unit);
  }
  if (most !== undefined && field.min_exclusive !== undefined)
    return `${t.moreThan(number(field.min_exclusive))}, ${t.atMost(number(most)).toLowerCase()}${unit}`;
  if (field.min_exclusive !== undefined) return t.moreThan(number(field.min_exclusive)) + unit;
  if (most !== undefined) return t.atMost(number(most)) + unit;
  return least ? t.atLeast(number(least)) + unit : undefined;
}

/** A limit that anybody may come near to. */
function told(limit: number | undefined): number | undefined {
  return limit !== undefined && Math.abs(limit) < FAR ? limit : undefined;
}

/** The first sentence of a help, and on demand the rest. */
function Help({ text }: { text: string }) {
  const t = useTexts();
  const [all, setAll] = useState(false);
  const first = firstSentence(text);
  return (
    <span className="help-text">
      <span>
        {pieces(all ? text : first).map((piece, index) =>
          // The pieces of a text do not move.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          piece.code ? <code key={index}>{piece.text}</code> : piece.text,
        )}
      </span>{" "}
      {first.length < text.length && (
        <button type="button" className="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? t.forms.readLess : t.forms.readMore}
        </button>
      )}
    </span>
  );
}
