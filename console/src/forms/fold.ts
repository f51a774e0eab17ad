import type { FormField } from "./entries.ts";

/** As many fields are not folded in; the others are rarely used. */
const IN_SIGHT = 6;

/** Which fields are in sight: required ones, the first few, and those that mean something because of one of them. */
export function inSight(fields: readonly FormField[]): ReadonlySet<string> {
  const free = fields.filter((field) => !dependsOn(field, fields).length);
  // One field more is better in sight than behind a click.
  const first = free.length <= IN_SIGHT + 1 ? free : free.slice(0, IN_SIGHT);
  const found = new Set([...first, ...fields.filter((field) => field.required)].map((field) => field.name));
  let before = -1;
  while (before !== found.size) {
    before = found.size;
    for (const field of fields) {
      const others = dependsOn(field, fields);
      if (others.length && others.every((name) => found.has(name))) found.add(field.name);
    }
  }
  return found;
}

function dependsOn(field: FormField, fields: readonly FormField[]): readonly string[] {
  return Object.keys(field.show_when ?? {}).filter((name) => fields.some((other) => other.name === name));
}
