import { useEffect } from "react";
import { useLocation, useSearch } from "wouter";
import { data, v1 } from "../api/client.ts";
import { stepsOf } from "../pipelines/draft.ts";
import { usePipelines } from "../pipelines/queries.ts";
import { desk } from "./desk.ts";

/** The parameters with which another page leads here: `?pipeline=<id>` to run it, `?files=<id>,<id>` to work on them. */
export function useAsked(): { problem: boolean } {
  const asked = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const pipelineId = asked.get("pipeline");
  const files = asked.get("files");
  const pipelines = usePipelines(pipelineId !== null);
  const found = pipelines.data?.find((each) => each.id === pipelineId);

  useEffect(() => {
    if (!found) return;
    desk.set({ steps: stepsOf(found), pipeline: found.name });
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
