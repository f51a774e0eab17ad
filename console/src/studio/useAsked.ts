import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useLocation, useSearch } from "wouter";
import { body, data, snapotter, v1 } from "../api/client.ts";
import { desk } from "./desk.ts";

/** The parameters with which another page leads here: `?pipeline=<id>` to run it, `?files=<id>,<id>` to work on them. */
export function useAsked(): { problem: boolean } {
  const asked = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const pipelineId = asked.get("pipeline");
  const files = asked.get("files");
  const pipelines = useQuery({
    queryKey: ["pipelines"],
    queryFn: () => body(snapotter.GET("/api/v1/pipeline/list")),
    enabled: pipelineId !== null,
  });
  const found = pipelines.data?.pipelines?.find((each) => each.id === pipelineId);

  useEffect(() => {
    if (!found) return;
    const steps = found.steps.map((step) => ({
      kind: "tool" as const,
      id: step.toolId,
      settings: { ...step.settings },
    }));
    desk.set({ steps, pipeline: found.name });
    navigate("/", { replace: true });
  }, [found, navigate]);

  useEffect(() => {
    if (!files) return;
    let wanted = true;
    const ids = files.split(",");
    void Promise.all(ids.map((id) => data(v1.GET("/v1/files/{id}", { params: { path: { id } } })))).then((records) => {
      if (!wanted) return;
      const inputs = records.map((record) => ({ fileId: record.id, name: record.name ?? "" }));
      desk.set({ source: { kind: "files", from: "library", of: "", inputs } });
      navigate("/", { replace: true });
    });
    return () => {
      wanted = false;
    };
  }, [files, navigate]);

  return { problem: pipelineId !== null && pipelines.isSuccess && !found };
}
