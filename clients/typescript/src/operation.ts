import type { components } from "./generated/options.ts";
import { PREFIXES } from "./generated/prefixes.ts";
import type { Schemas } from "./types.ts";

type AllOptions = Required<components["schemas"]["Operation"]>;
/** `remove_background`, `resize` … */
export type OperationName = keyof AllOptions;
/** The options of one operation: `Options<"resize">`. */
export type Options<Name extends OperationName> = AllOptions[Name];
/** A step of a task, as `operations` builds it. */
export type Operation = Schemas["Operation"];

type Prefixes = { [field: string]: string | Prefixes };

/** The operation with these options, its names of enums as the API has them: `FIT_CROP` for `crop`. */
export function operation<Name extends OperationName>(name: Name, options: Options<Name>): Operation {
  return { [name]: full(options, PREFIXES[name]) };
}

function full(value: unknown, prefixes: string | Prefixes): unknown {
  if (Array.isArray(value)) return value.map((each) => full(each, prefixes));
  if (typeof prefixes === "string") {
    return typeof value === "string" && !value.startsWith(prefixes) ? prefixes + value.toUpperCase() : value;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([field, each]) => [field, prefixes[field] ? full(each, prefixes[field]) : each]));
}
