const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const LENGTH = 21;

/** An id that nobody else makes, of the form that `nanoid` of `/v1/files/batch-create` has. Without TLS there is no `crypto.randomUUID`. */
export function uniqueId(): string {
  return [...crypto.getRandomValues(new Uint8Array(LENGTH))].map((byte) => LETTERS.charAt(byte & 63)).join("");
}
