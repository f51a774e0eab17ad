import { useQuery } from "@tanstack/react-query";
import { data, v1 } from "../api/client.ts";

/** The name of a bundle of models that is not installed; undefined if it is, if none is needed, or while nobody knows. */
export function useBundleMissing(bundle: string | null | undefined): string | undefined {
  const bundles = useQuery({
    queryKey: ["bundles"],
    queryFn: () => data(v1.GET("/v1/bundles")),
    enabled: Boolean(bundle),
    staleTime: 60_000,
  });
  const found = bundles.data?.items.find((each) => each.id === bundle);
  return found && found.status !== "installed" ? found.name : undefined;
}
