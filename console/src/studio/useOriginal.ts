import { useQuery } from "@tanstack/react-query";
import { data, v1 } from "../api/client.ts";
import type { RunInput } from "../runs/types.ts";
import { useUpload } from "../uploads/index.ts";
import { kindOf } from "./fitting.ts";

/** A URL of what went in: the file that is still on this page, or the server's. */
export function useOriginal(input: RunInput | undefined): { url: string; name: string } | undefined {
  const upload = useUpload(input?.uploadId ?? "");
  const fileId = input?.fileId ?? upload?.fileId;
  const { data: url } = useQuery({
    queryKey: ["download-url", fileId],
    queryFn: async () =>
      (await data(v1.GET("/v1/files/{id}/download-url", { params: { path: { id: fileId ?? "" } } }))).download_url,
    enabled: fileId !== undefined && !upload?.preview,
    staleTime: 3_600_000,
  });
  const found = upload?.preview ?? url;
  return found && input && kindOf(input.name) !== "other" ? { url: found, name: input.name } : undefined;
}
