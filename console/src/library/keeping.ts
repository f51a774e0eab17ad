import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import type { components } from "../../generated/v1.ts";
import { data, once, v1 } from "../api/client.ts";

export type LibraryFile = components["schemas"]["LibraryFile"];

/** How many files the server takes in one call. */
const MOST = 500;

/** Keep files of the account until somebody deletes them: uploads are moved, results are copied. Throws `ApiError`. */
export async function keepInLibrary(fileIds: readonly string[]): Promise<LibraryFile[]> {
  const kept: LibraryFile[] = [];
  for (let from = 0; from < fileIds.length; from += MOST) {
    const files = fileIds.slice(from, from + MOST).map((file_id) => ({ file_id }));
    const { items } = await data(v1.POST("/v1/library", { body: { files }, ...once() }));
    kept.push(...items);
  }
  return kept;
}

/** After something in the library has changed. */
export function libraryChanged(queries: QueryClient): Promise<void> {
  return queries.invalidateQueries({ queryKey: ["library"] });
}

/** `keepInLibrary` for a page, which sees what is kept at once: `const keeping = useKeeping(); keeping.mutate(ids)`. */
export function useKeeping() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (fileIds: readonly string[]) => keepInLibrary(fileIds),
    onSettled: () => libraryChanged(queries),
  });
}
