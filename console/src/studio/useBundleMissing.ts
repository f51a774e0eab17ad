import { useQuery } from "@tanstack/react-query";
import { body, snapotter } from "../api/client.ts";

/** The name of a bundle of models that is not installed; undefined if it is, if none is needed, or while nobody knows. */
export function useBundleMissing(bundle: string | null | undefined): string | undefined {
  const { data } = useQuery({
    queryKey: ["features"],
    queryFn: () => body(snapotter.GET("/api/v1/features")),
    enabled: Boolean(bundle),
    staleTime: 60_000,
  });
  const found = data?.bundles?.find((each) => each.id === bundle);
  return found && found.status !== "installed" ? found.name : undefined;
}
