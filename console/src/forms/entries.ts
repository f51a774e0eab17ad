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

export type FormEntry = {
  id: string;
  name: string;
  summary: string;
  /** In another language: the English ones. */
  english?: { name: string; summary: string };
  category: string;
  inputs: { min: number; max: number; kinds: readonly string[] };
  /** Whether it works on what a person paints. */
  mask?: boolean;
  runs_as_task?: boolean;
  /** Whether nothing has to be set. */
  plain?: boolean;
  /** Whether it can be a step of a pipeline. */
  pipeline?: boolean;
  /** Models that have to be installed. */
  bundle?: string | null;
  /** A need of an operation that may be unmet, such as a provider. */
  needs?: string | null;
  /** Media types that an operation reads. */
  takes?: readonly string[];
  result?: ResultKind;
  fields: readonly FormField[];
  /** Groups of fields, of each of which at least one must be set. */
  one_of?: readonly (readonly string[])[];
  /** Another tool of which this is a second name. */
  same_as?: string;
  /** The tool of which this is a step. */
  part_of?: string;
  /** The operation that a tool of the same name does, and nothing else. The operation has no form of its own. */
  operation?: string;
};

export type Category = { id: string; name: string };
export type Forms = {
  categories: readonly Category[];
  tools: readonly FormEntry[];
  operations: readonly FormEntry[];
};

export type ChoiceKind = "tool" | "operation";
/** Something that can be done with files: a tool of SnapOtter's API, or an operation of Darkroom's own. */
export type Choice = { kind: ChoiceKind; id: string };

/** The values to send: only those that differ from the defaults. They may include a value that a person is still typing. */
export type Settings = Readonly<Record<string, unknown>>;
