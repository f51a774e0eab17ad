export type ToolTexts = {
  tools: Readonly<Record<string, { name: string; summary?: string }>>;
  operations: Readonly<Record<string, { name: string; summary?: string }>>;
  categories: Readonly<Record<string, string>>;
  fields: Readonly<Record<string, string>>;
  options: Readonly<Record<string, string>>;
};
export const toolTexts: ToolTexts = { tools: {}, operations: {}, categories: {}, fields: {}, options: {} };
