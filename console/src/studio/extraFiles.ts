import type { FormEntry } from "../forms/entries.ts";
import { sent } from "../forms/values.ts";
import type { Choice } from "../runs/types.ts";

/** A file besides those that are worked on, such as a new background, once it is at the server. */
export type ExtraFile = { fileId: string; name: string };

export function isExtraFile(value: unknown): value is ExtraFile {
  return typeof value === "object" && value !== null && "fileId" in value && "name" in value;
}

/** A choice in the form in which it is sent. A form holds the files that it was given as `ExtraFile`s; an operation takes their ids. */
export function sendable(choice: Choice, entry: FormEntry): Choice {
  const settings: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(sent(entry.fields, choice.settings))) {
    settings[name] = isExtraFile(value) ? value.fileId : value;
  }
  return { id: choice.id, settings };
}
