import { useQuery } from "@tanstack/react-query";
import { refusal, unreachable } from "../api/errors.ts";

/** The content of a presigned URL; requested once, even if it is signed again, as long as `name` and the path are the same. */
export function useContent<Content>(
  url: string,
  read: (response: Response) => Promise<Content>,
  kind: string,
  enabled = true,
): { content: Content | undefined; error: unknown; again: () => void } {
  const { data, error, refetch } = useQuery({
    queryKey: ["content", kind, url.split("?")[0]],
    queryFn: async ({ signal }) => read(await get(url, signal)),
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
  });
  return { content: data, error, again: () => void refetch() };
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal }).catch((error: unknown) => {
    throw signal.aborted ? error : unreachable(error);
  });
  if (!response.ok) throw refusal(response, null);
  return response;
}
