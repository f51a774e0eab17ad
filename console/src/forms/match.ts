/** Whether each word of a query is in one of the texts, whatever its case. */
export function matches(query: string, texts: readonly string[]): boolean {
  const all = plain(texts.join("\n"));
  return plain(query)
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
