/** The messages of the server that a language has texts for: errors, notices, steps of tasks. */

/** The error of a call or a task. */
export type ServerError = {
  message: string;
  /** In lower case, such as `field_invalid`. */
  reason: string;
  field?: string | undefined;
  allowed?: readonly string[] | undefined;
  /** The kind of rule that the field breaks, such as `range`, with its limits. */
  rule?: string | undefined;
  least?: number | undefined;
  most?: number | undefined;
};

export type ServerNotice = {
  code: string;
  subject?: string | undefined;
  message: string;
  details?: Readonly<Record<string, unknown>> | undefined;
};

/** The language's own texts for what the server says in English; undefined: the server's text. */
export type ServerTexts = {
  /** `label` is what the page calls the error's field. */
  error: (error: ServerError, label: string | undefined) => string | undefined;
  /** `label` is what the page calls the notice's subject. */
  notice: (notice: ServerNotice, label: string | undefined) => string | undefined;
  /** The progress of a task. */
  progress: (message: string) => string | undefined;
  /** The problem of a delivery to a webhook. */
  delivery: (error: string) => string | undefined;
  /** A member of a notice's details, or a value that is a word. */
  detail: (name: string) => string | undefined;
};
