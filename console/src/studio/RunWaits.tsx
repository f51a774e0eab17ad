import { useQuery } from "@tanstack/react-query";
import { data, v1 } from "../api/client.ts";
import type { Run } from "../runs/types.ts";
import { WaitingFor } from "../tasks/parts/WaitingFor.tsx";
import { useLater } from "../ui/useLater.ts";

const SHORT_WAIT_MS = 3000;
const ASKED_AGAIN_MS = 10_000;

/** That a run waits for a worker that is not there: asked for its first task, once nothing of it has begun for a while. */
export function RunWaits({ run }: { run: Run }) {
  const begun = run.items.some(({ state }) => state === "running");
  const first = begun ? undefined : run.items.find(({ state, taskId }) => state === "queued" && taskId)?.taskId;
  const id = useLater(first, SHORT_WAIT_MS);
  const { data: waiting } = useQuery({
    queryKey: ["waits", id],
    queryFn: async ({ signal }) => {
      const status = await data(v1.GET("/v1/tasks/{id}/status", { params: { path: { id: id ?? "" } }, signal }));
      return status.waiting_for ?? null;
    },
    enabled: id !== undefined && id === first,
    refetchInterval: ASKED_AGAIN_MS,
  });
  return waiting && id === first ? <WaitingFor waiting={waiting} /> : null;
}
