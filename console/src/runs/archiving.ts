import type { Run } from "./types.ts";

/** As `missing` of an archive. */
export type Missing = { index: number; message: string };

const MOST_LETTERS = 80;
const MOST_MESSAGE = 500;
/** As many as an archive lists. */
const MOST_MISSING = 500;

/** The name of an archive without `.zip`: the operations and the day, such as `remove-background-2026-11-27`. */
export function archiveName(run: Run, now: Date): string {
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0"));
  const operations = run.steps.map(({ id }) => id.replace(/[^a-zA-Z0-9]+/g, "-")).join("-");
  return `${operations.slice(0, MOST_LETTERS)}-${day.join("-")}`;
}

/** The items of a run that have no result. */
export function missingOf(run: Run): Missing[] {
  return run.items
    .flatMap(({ state, inputs, error }, index) =>
      state === "succeeded"
        ? []
        : [{ index, message: `${inputs[0]?.name ?? ""}: ${error?.message || state}`.slice(0, MOST_MESSAGE) }],
    )
    .slice(0, MOST_MISSING);
}
