/** Settings for everybody are texts by name; these names mean something. An empty text leaves it to the operator's configuration. */
export type Values = { loginAttemptLimit: string; tempFileMaxAgeHours: string; disabledTools: readonly string[] };

export function valuesOf(settings: Readonly<Record<string, unknown>>): Values {
  const text = (name: string) => (settings[name] === undefined ? "" : String(settings[name]));
  return {
    loginAttemptLimit: text("loginAttemptLimit"),
    tempFileMaxAgeHours: text("tempFileMaxAgeHours"),
    disabledTools: namesIn(text("disabledTools")),
  };
}

/** The changes that turn `before` into `after`. */
export function changesOf(before: Values, after: Values): Record<string, string> {
  const changes: Record<string, string> = {};
  for (const name of ["loginAttemptLimit", "tempFileMaxAgeHours"] as const) {
    if (before[name] !== after[name]) changes[name] = after[name];
  }
  const tools = [...after.disabledTools].sort();
  if (JSON.stringify([...before.disabledTools].sort()) !== JSON.stringify(tools)) {
    changes.disabledTools = JSON.stringify(tools);
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
