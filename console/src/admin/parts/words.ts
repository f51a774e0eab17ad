/** The text for a name that a server sent; the name itself if there is none, since new names may be added. */
export function worded(texts: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(texts, name) ? (texts[name] ?? name) : name;
}

/** `names` in the order of `known`; what is not known comes last. */
export function inOrder(names: readonly string[], known: readonly string[]): string[] {
  const place = (name: string) => (known.includes(name) ? known.indexOf(name) : known.length);
  return [...names].sort((one, other) => place(one) - place(other));
}
