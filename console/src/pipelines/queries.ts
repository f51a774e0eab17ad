import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body, snapotter } from "../api/client.ts";
import type { Settings } from "../forms/entries.ts";

const KEY = ["pipelines"];

/** Saved pipelines, those that were saved last first. */
export function usePipelines() {
  return useQuery({ queryKey: KEY, queryFn: () => body(snapotter.GET("/api/v1/pipeline/list")) });
}

export type ToSave = {
  name: string;
  description: string;
  steps: { toolId: string; settings: Settings }[];
  /** The pipeline that the new one takes the place of: the API has no way to change one. */
  replaces?: string;
};

/** Saves, then deletes what is replaced. If only the latter fails, the result says why. */
export function useSavePipeline() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({
      name,
      description,
      steps,
      replaces,
    }: ToSave): Promise<{ id: string; notDeleted?: unknown }> => {
      const copied = steps.map((step) => ({ toolId: step.toolId, settings: { ...step.settings } }));
      const { id } = await body(
        snapotter.POST("/api/v1/pipeline/save", { body: { name, description: description || null, steps: copied } }),
      );
      try {
        if (replaces) await deletePipeline(replaces);
        return { id };
      } catch (error) {
        return { id, notDeleted: error };
      }
    },
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
}

export function useDeletePipeline() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: deletePipeline,
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
}

async function deletePipeline(id: string): Promise<void> {
  await body(snapotter.DELETE("/api/v1/pipeline/{id}", { params: { path: { id } } }));
}
