import type { Filters } from "./filters.ts";

/** Where the cache holds what. Filters are the last part of a list's key, so that the stream can be put into each list. */
export const keys = {
  tasks: ["tasks"],
  lists: ["tasks", "list"],
  list: (filters: Filters) => ["tasks", "list", filters],
  task: (id: string) => ["tasks", "one", id],
  result: (id: string) => ["tasks", "result", id],
  original: (file: string) => ["originals", file],
  batches: ["batches"],
  batchList: ["batches", "list"],
  batch: (id: string) => ["batches", "one", id],
  outputs: (id: string) => ["batches", "outputs", id],
} as const;
