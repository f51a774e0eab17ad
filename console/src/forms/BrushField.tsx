import { useTexts } from "../i18n/texts.ts";
import { Field } from "../ui/Field.tsx";
import { THICK, THIN } from "./StrokeCanvas.tsx";

/** The width of a brush, as a share of the picture's longer side. */
export function BrushField({ brush, onBrush }: { brush: number; onBrush: (brush: number) => void }) {
  const t = useTexts().forms.mask;
  return (
    <Field label={t.brush}>
      {(joined) => (
        <input
          type="range"
          min={THIN}
          max={THICK}
          step={0.005}
          value={brush}
          onChange={(event) => onBrush(Number(event.target.value))}
          {...joined}
        />
      )}
    </Field>
  );
}
