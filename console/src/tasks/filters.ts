import { isState, type State, type TaskItem } from "./model.ts";

export const PERIODS = ["hour", "day", "week", "month"] as const;
export type Period = (typeof PERIODS)[number];

/** Which tasks are listed. Absent: all. */
export type Filters = {
  state?: State;
  operation?: string;
  name?: string;
  batch?: string;
  /** Since when, counted back from now. */
  period?: Period;
  /** The first and the last day, as `2026-01-31`, in the place of the person. */
  from?: string;
  to?: string;
};

const HOUR_MS = 3_600_000;
const LENGTH_MS: Record<Period, number> = {
  hour: HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
  month: 30 * 24 * HOUR_MS,
};
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const LONGEST_NAME = 100;

/** The filters in the query of the page's address; invalid ones are left out. */
export function readFilters(query: string): Filters {
  const said = new URLSearchParams(query);
  const state = said.get("state");
  const operation = said.get("operation");
  const name = said.get("name")?.slice(0, LONGEST_NAME);
  const batch = said.get("batch");
  const period = PERIODS.find((one) => one === said.get("period"));
  const from = day(said.get("from"));
  const to = day(said.get("to"));
  return {
    ...(isState(state) && { state }),
    ...(operation && /^[a-z0-9_]+$/.test(operation) && { operation }),
    ...(name && { name }),
    ...(batch && /^\d{1,20}$/.test(batch) && { batch }),
    ...(period && { period }),
    ...(!period && from && { from }),
    ...(!period && to && { to }),
  };
}

/** The query that `readFilters` reads. */
export function writeFilters(filters: Filters): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(filters)) if (value) query.set(key, value);
  return query.toString();
}

export function isFiltered(filters: Filters): boolean {
  return writeFilters(filters) !== "";
}

/** The parameters of GET /v1/tasks. */
export function asked(filters: Filters, now: Date = new Date()) {
  const { after, before } = bounds(filters, now);
  return {
    ...(filters.state && { state: filters.state }),
    ...(filters.operation && { operation: filters.operation }),
    ...(filters.name && { name: filters.name }),
    ...(filters.batch && { batch_id: filters.batch }),
    ...(after && { created_after: after.toISOString() }),
    ...(before && { created_before: before.toISOString() }),
  };
}

/** Whether the server would list the task with these filters: the items of the event stream are filtered here. */
export function passes(task: TaskItem, filters: Filters, now: Date = new Date()): boolean {
  const { after, before } = bounds(filters, now);
  const created = new Date(task.created_at);
  const name = filters.name?.toLowerCase();
  return (
    (!filters.state || task.state === filters.state) &&
    (!filters.operation || task.operations.includes(filters.operation)) &&
    (!name || task.input_names.some((input) => input.toLowerCase().includes(name))) &&
    (!filters.batch || task.batch_id === filters.batch) &&
    (!after || created >= after) &&
    (!before || created < before)
  );
}

function bounds(filters: Filters, now: Date): { after?: Date; before?: Date } {
  if (filters.period) return { after: new Date(now.getTime() - LENGTH_MS[filters.period]) };
  const after = filters.from ? midnight(filters.from, 0) : undefined;
  // The last day is meant with all its hours.
  const before = filters.to ? midnight(filters.to, 1) : undefined;
  return { ...(after && { after }), ...(before && { before }) };
}

function midnight(text: string, days: number): Date {
  const [year = 0, month = 1, date = 1] = text.split("-").map(Number);
  return new Date(year, month - 1, date + days);
}

function day(text: string | null): string | undefined {
  if (!text || !DAY.test(text)) return undefined;
  return Number.isNaN(midnight(text, 0).getTime()) ? undefined : text;
}
