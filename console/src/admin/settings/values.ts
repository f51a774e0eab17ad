/** Settings for everybody are texts by name; these names mean something. An empty text leaves it to the operator's configuration. */
export type Values = { loginAttemptLimit: string; tempFileMaxAgeHours: string; disabledTools: readonly string[] };

/** Settings that have a field of their own on the page; the page lists all others. */
export const FORM: readonly string[] = ["loginAttemptLimit", "tempFileMaxAgeHours", "disabledTools", "customLogo"];

export function valuesOf(settings: Readonly<Record<string, unknown>>): Values {
  const text = (name: string) => (settings[name] === undefined ? "" : String(settings[name]));
  return {
    loginAttemptLimit: text("loginAttemptLimit"),
    tempFileMaxAgeHours: text("tempFileMaxAgeHours"),
    disabledTools: namesIn(text("disabledTools")),
  };
}

/** The changes that turn `before` into `after`. */
export function changesOf(before: Values, after: Values): { name: string; value: string }[] {
  const changes: { name: string; value: string }[] = [];
  for (const name of ["loginAttemptLimit", "tempFileMaxAgeHours"] as const) {
    if (before[name] !== after[name]) changes.push({ name, value: after[name] });
  }
  // One is typed on each line, so there may be empty ones.
  const tools = after.disabledTools.filter(Boolean).sort();
  if (JSON.stringify([...before.disabledTools].sort()) !== JSON.stringify(tools)) {
    changes.push({ name: "disabledTools", value: JSON.stringify(tools) });
  }
  return changes;
}

/** Names in a JSON array; none in what is no such array, as the server has it. */
function namesIn(json: string): string[] {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}
