/** The texts of forms in a language. */
export type FormTexts = {
  categories: Readonly<Record<string, string>>;
  operations: OperationsTexts;
  /** Other words for operations and presets, by their ids. */
  keywords: Readonly<Record<string, readonly string[]>>;
  /** The requirements of patterns, by the English text. */
  musts: Readonly<Record<string, string>>;
};

export type OperationsTexts = Readonly<Record<string, OperationTexts>>;

export type OperationTexts = {
  name: string;
  summary: string;
  /** By paths such as `effects.blur`. */
  fields?: Readonly<Record<string, FieldText>>;
  /** By the ids of presets. */
  presets?: Readonly<Record<string, readonly [name: string, summary: string]>>;
};

/** The label of a field, its help, and the texts of its values. */
export type FieldText = readonly [label: string, help: string, options?: OptionTexts];

/** The labels and helps of values; without a help, the English one has to do, which is a size. */
export type OptionTexts = Readonly<Record<string, readonly [label: string, help?: string]>>;
