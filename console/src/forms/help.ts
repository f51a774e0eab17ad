/** The first sentence of a text; a short one takes the next along. */
export function firstSentence(text: string, least = 12): string {
  const end = /[.!?](?=\s+[A-Z`])|[。！？]/g;
  for (let found = end.exec(text); found; found = end.exec(text)) {
    const at = found.index + 1;
    // Not within a quoted value.
    if (at >= least && (text.slice(0, at).split("`").length - 1) % 2 === 0) return text.slice(0, at);
  }
  return text;
}

/** A text of the protos, whose values are between backticks. */
export function pieces(text: string): readonly { text: string; code: boolean }[] {
  return text
    .split("`")
    .map((piece, index) => ({ text: piece, code: index % 2 === 1 }))
    .filter((piece) => piece.text);
}
