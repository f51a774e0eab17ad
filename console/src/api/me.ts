import { useQuery } from "@tanstack/react-query";
import type { components } from "../../generated/v1.ts";
import { data, v1 } from "./client.ts";
import { useSession } from "./session.ts";

export type Me = components["schemas"]["Me"];

/** The signed-in person; undefined until that is known. */
export function useMe(): Me | undefined {
  const { token, ended } = useSession();
  return useQuery({
    queryKey: ["me", token],
    queryFn: () => data(v1.GET("/v1/me")) as Promise<Me>,
    enabled: token !== null && !ended,
    staleTime: 60_000,
  }).data;
}

/** Whether the caller may do what a scope (`files:read`) or a permission of people (`system:health`) names. */
export function may(me: Me | undefined, what: string): boolean {
  if (!me) return false;
  return Boolean(me.all_scopes) || (me.scopes ?? []).includes(what) || (me.permissions ?? []).includes(what);
}
