import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body, data, once, v1 } from "../api/client.ts";
import type { Settings } from "../forms/entries.ts";
import { operationsOf } from "../runs/index.ts";
import type { SavedPipeline } from "./draft.ts";

const KEY = ["pipelines"];
const PAGE = 50;

/** Saved pipelines, those that were saved last first. */
export function usePipelines(enabled = true) {
  return useQuery({ queryKey: KEY, queryFn: allPipelines, enabled });
}

async function allPipelines(): Promise<SavedPipeline[]> {
  const found: SavedPipeline[] = [];
  for (let token: string | undefined; ; ) {
    const query = { page_size: PAGE, ...(token && { page_token: token }) };
    const page = await data(v1.GET("/v1/pipelines", { params: { query } }));
    found.push(...page.items);
    token = page.next_page_token;
    if (!token) return found;
  }
}

export type ToSave = {
  name: string;
  description: string;
  steps: readonly { id: string; settings: Settings }[];
  /** The pipeline to change; a new one if it is absent. */
  id?: string | undefined;
};

export function useSavePipeline() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ name, description, steps, id }: ToSave) => {
      const operations = operationsOf(steps.map((step) => ({ id: step.id, settings: { ...step.settings } })));
      const content = { name, operations, ...(description && { description }) };
      return id === undefined
        ? data(v1.POST("/v1/pipelines", { ...once(), body: content }))
        : data(v1.PUT("/v1/pipelines/{id}", { params: { path: { id } }, body: content }));
    },
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
}

export function useDeletePipeline() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (id: string) => {
      await body(v1.DELETE("/v1/pipelines/{id}", { params: { path: { id } } }));
    },
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
}
