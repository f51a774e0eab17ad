/** Networks as people write them: one a line, or with commas or blanks between. */
export function networksIn(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter(Boolean))];
}
