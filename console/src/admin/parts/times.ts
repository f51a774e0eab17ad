const DAY_MS = 24 * 60 * 60 * 1000;

/** The value of a field for date and time, in the time zone of the browser, in the API's format; undefined if it is empty. */
export function isoOf(local: string): string | undefined {
  const time = new Date(local);
  return local === "" || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** A point in time as a field for date and time holds it. */
export function localOf(time: Date): string {
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

/** So many days after `from`. */
export function daysAfter(days: number, from: Date = new Date()): Date {
  return new Date(from.getTime() + days * DAY_MS);
}
