import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { data, once, v1 } from "../api/client.ts";

const PAGE_SIZE = 48;

/** The last version of each chain whose name contains `search`. */
export function useLibrary(search: string) {
  return useInfiniteQuery({
    queryKey: ["library", "list", search],
    queryFn: ({ pageParam }) =>
      data(
        v1.GET("/v1/library", {
          params: { query: { search: search || undefined, page_size: PAGE_SIZE, skip: pageParam } },
        }),
      ),
    initialPageParam: 0,
    getNextPageParam: (last, _pages, skipped) => {
      const next = skipped + last.items.length;
      return last.items.length && next < last.total ? next : undefined;
    },
  });
}

/** Download a version under its name. */
export async function download(id: string): Promise<void> {
  const { download_url } = await data(v1.GET("/v1/library/{id}/download-url", { params: { path: { id } } }));
  // The answer is an attachment, so the page stays.
  location.assign(download_url);
}

/** Copy versions to where tasks can use them, and go to the studio with the copies. */
export function useInStudio() {
  const [, navigate] = useLocation();
  return useMutation({
    mutationFn: async (ids: readonly string[]) => {
      const copied: string[] = [];
      for (const id of ids) {
        const { id: copy } = await data(v1.POST("/v1/library/{id}/copy", { params: { path: { id } }, ...once() }));
        copied.push(copy);
      }
      return copied;
    },
    onSuccess: (copied) => navigate(`/?files=${copied.join(",")}`),
  });
}

/** Delete chains: all versions of each of these. */
export async function deleteChains(ids: readonly string[]): Promise<void> {
  await data(v1.POST("/v1/library/delete", { body: { ids: [...ids] } }));
}
