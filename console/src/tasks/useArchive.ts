import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { data, once, v1 } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { downloadFile } from "../viewer/files.ts";
import type { ResultFile } from "./model.ts";

/** Each call of the result is answered after so long, or when the task ends. */
const ASKED_FOR_S = 30;

/** Puts a batch's results into one archive and saves it. The archive is a task, which goes on if this page is left. */
export function useArchive(batch: string) {
  const left = useRef<AbortController>(undefined);
  useEffect(() => {
    const controller = new AbortController();
    left.current = controller;
    return () => controller.abort();
  }, []);
  return useMutation({
    mutationFn: async (): Promise<ResultFile | undefined> => {
      const signal = left.current?.signal;
      const task = await data(v1.POST("/v1/batches/{id}/zip", { params: { path: { id: batch } }, signal, ...once() }));
      while (!signal?.aborted) {
        const params = { path: { id: task.task_id }, query: { wait: ASKED_FOR_S } };
        const result = await data(v1.GET("/v1/tasks/{id}/result", { params, signal }));
        if (result.status === "Succeeded") return result.files[0];
        if (result.status === "Failed")
          throw new ApiError(422, result.error_message ?? "", { reason: result.error_type ?? "" });
      }
      return undefined;
    },
    onSuccess: (file) => {
      if (file?.download_url) downloadFile({ name: file.name ?? "", url: file.download_url });
    },
  });
}
