/**
 * Presigned URLs name the host that the operator has said clients use. A page that was opened by another name of the same server, such as
 * `localhost`, asks for them there: the edge sends storage the host that they are signed for.
 */
const ELSEWHERE = document.querySelector<HTMLMetaElement>('meta[name="storage-origin"]')?.content ?? "";
const SIGNED = "X-Amz-Signature=";

/** A reply with its presigned URLs as this page can use them. */
export function reachable(value: unknown): unknown {
  if (ELSEWHERE) return value;
  if (typeof value === "string") return value.includes(SIGNED) && URL.canParse(value) ? here(value) : value;
  if (Array.isArray(value)) return value.map(reachable);
  if (typeof value === "object" && value !== null && value.constructor === Object) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, reachable(each)]));
  }
  return value;
}

function here(url: string): string {
  const { pathname, search } = new URL(url);
  return `${location.origin}${pathname}${search}`;
}
