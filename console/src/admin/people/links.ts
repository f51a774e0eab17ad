import type { components } from "../../../generated/v1.ts";

/** A link that signs in once, at the address of this page if the operator has not said another. */
export function linkIn({ url }: components["schemas"]["SignInLink"]): string {
  return new URL(url, location.origin).href;
}
