/** The content of `generated/forms.json`; `reference/console_forms.py` writes it from the protos. */
export type FieldKind =
  | "integer"
  | "number"
  | "boolean"
  | "enum"
  | "string"
  | "text"
  | "color"
  | "list"
  | "object"
  | "file"
  | "boxes";

export type Option = { value: string | number; label: string; help?: string; title?: string };

/** The type of a value, without its name: of a field, or of each entry of a list. */
export type ValueForm = {
  type: FieldKind;
  min?: number;
  /** Only more than this. */
  min_exclusive?: number;
  max?: number;
  step?: number;
  options?: readonly Option[];
  min_length?: number;
  max_length?: number;
  pattern?: string;
  /** The requirement of the pattern, in words: "be a language code …". */
  must?: string;
  /** Words that a colour may be besides its digits; values to suggest for a text. */
  also?: readonly string[];
  /** Whether a colour may have eight digits. */
  alpha?: boolean;
  unit?: string;
  /** The fields of an object, and of each row of a list of objects. */
  fields?: readonly FormField[];
  /** The accepted types of a file. */
  kinds?: readonly string[];
  /** The type of the entries of a list of plain values. */
  item?: ValueForm;
  max_items?: number;
};

export type FormField = ValueForm & {
  name: string;
  label: string;
  help?: string;
  default?: unknown;
  required?: boolean;
  /** Values of other fields; it has a meaning only while each of them has one of these. */
  show_when?: Readonly<Record<string, readonly unknown[]>>;
};

export type ResultKind = "image" | "images" | "pdf" | "text" | "json" | "zip" | "svg";

/** Settings of an operation that people know by a name of their own, such as "Compress". */
export type Preset = {
  id: string;
  name: string;
  summary: string;
  keywords?: readonly string[];
  settings: Settings;
  /** Its English texts, if the others are in another language. */
  english?: { name: string; summary: string };
};

export type FormEntry = {
  id: string;
  name: string;
  summary: string;
  /** In another language: the English ones. */
  english?: { name: string; summary: string };
  category: string;
  /** Other words by which people look for it. */
  keywords?: readonly string[];
  presets?: readonly Preset[];
  /** The settings with which the form begins. */
  initial?: Settings;
  inputs: { min: number; max: number; kinds: readonly string[] };
  /** Whether the result is the same each time, and there in a moment. */
  plain?: boolean;
  /** Whether it can be a step of a pipeline between others: it makes of each file one of the same kind. */
  step?: boolean;
  /** Models that have to be installed. */
  bundle?: string | null;
  /** A need that may be unmet, such as a provider. */
  needs?: string | null;
  /** Media types that it reads. */
  takes?: readonly string[];
  result?: ResultKind;
  fields: readonly FormField[];
  /** Groups of fields, of each of which at least one must be set. */
  one_of?: readonly (readonly string[])[];
};

export type Category = { id: string; name: string };
export type Forms = {
  categories: readonly Category[];
  operations: readonly FormEntry[];
};

/** An operation by its name, such as `remove_background`. */
export type Choice = { id: string };

/** The values to send: only those that differ from the defaults. They may include a value that a person is still typing. */
export type Settings = Readonly<Record<string, unknown>>;
