import type { FormEntry } from "../forms/entries.ts";
import { sent } from "../forms/values.ts";
import type { Choice } from "../runs/types.ts";

/** A file besides those that are worked on, such as a new background, once it is at the server. */
export type ExtraFile = { fileId: string; name: string };

export function isExtraFile(value: unknown): value is ExtraFile {
  return typeof value === "object" && value !== null && "fileId" in value && "name" in value;
}

/**
 * A choice in the form in which it is sent. A form holds the files that it was given as `ExtraFile`s: an operation takes their ids among its settings, a
 * tool gets them in extra parts.
 */
export function sendable(choice: Choice, entry: FormEntry): Choice {
  const settings: Record<string, unknown> = {};
  const files: Record<string, string> = {};
  for (const [name, value] of Object.entries(sent(entry.fields, choice.settings))) {
    if (!isExtraFile(value)) settings[name] = value;
    else if (choice.kind === "operation") settings[name] = value.fileId;
    else files[name] = value.fileId;
  }
  return { kind: choice.kind, id: choice.id, settings, ...(Object.keys(files).length && { files }) };
}
