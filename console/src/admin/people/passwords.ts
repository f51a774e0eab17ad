const LOWER = "abcdefghijkmnpqrstuvwxyz";
const UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ";
const DIGITS = "23456789";
const LENGTH = 16;

/** A password that nobody guesses and that can be read aloud: no 0, O, 1, l or I. It has what the server asks for. */
export function madeUpPassword(): string {
  for (;;) {
    const made = Array.from({ length: LENGTH }, () => LETTERS[below(LETTERS.length)]).join("");
    if ([LOWER, UPPER, DIGITS].every((kind) => [...kind].some((letter) => made.includes(letter)))) return made;
  }
}

const LETTERS = LOWER + UPPER + DIGITS;

/** A random number below `limit`, each as likely as the others. */
function below(limit: number): number {
  const fair = Math.floor(256 / limit) * limit;
  const [drawn] = crypto.getRandomValues(new Uint8Array(1));
  return drawn === undefined || drawn >= fair ? below(limit) : drawn % limit;
}
