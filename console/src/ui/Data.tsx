import type { ReactNode } from "react";

/** Shows data, such as the name of a person or a file, or an address: translators leave it alone. */
export function Data({ children }: { children: ReactNode }) {
  return <bdi translate="no">{children}</bdi>;
}
