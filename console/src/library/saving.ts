import { useQueryClient } from "@tanstack/react-query";
import { besideTheOthers } from "../studio/aside.ts";
import { keepInLibrary, libraryChanged } from "./keeping.ts";

/** Uploads a file that was made on this page, and keeps it in the library. Throws `ApiError`. */
export function useSavingMade(): (file: File) => Promise<void> {
  const queries = useQueryClient();
  return async (file) => {
    const { fileId } = await besideTheOthers(file);
    if (fileId === undefined) throw new Error(file.name);
    await keepInLibrary([fileId]);
    await libraryChanged(queries);
  };
}
