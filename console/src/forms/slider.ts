import type { FormField } from "./entries.ts";

/** More steps than these are too fine for a finger. */
const MOST_STEPS = 1000;

/** The slider of a number; undefined where a box alone is better: without near limits, or where nothing is set by itself. */
export function slider(field: FormField): { min: number; max: number; step: number } | undefined {
  const { min, max, min_exclusive: above, step = field.type === "integer" ? 1 : 0.1 } = field;
  const least = min ?? (above === undefined ? undefined : above + step);
  if (least === undefined || max === undefined || (field.default === undefined && !field.required)) return undefined;
  const steps = (max - least) / step;
  return steps > 1 && steps <= MOST_STEPS ? { min: least, max, step } : undefined;
}
