/** The text for a name that a server sent; the name itself if there is none, since new names may be added. */
export function worded(texts: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(texts, name) ? (texts[name] ?? name) : name;
}
