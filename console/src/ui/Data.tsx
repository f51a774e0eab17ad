import type { ReactNode } from "react";

/** What people or machines named, such as a person, a file or an address: no language has a word for it, so translators leave it alone. */
export function Data({ children }: { children: ReactNode }) {
  return <bdi translate="no">{children}</bdi>;
}
