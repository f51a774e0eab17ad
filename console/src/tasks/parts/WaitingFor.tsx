import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Note } from "../../ui/Feedback.tsx";
import type { TaskWaitingFor } from "../model.ts";

/** That a task waits for a worker that is not there. */
export function WaitingFor({ waiting }: { waiting: TaskWaitingFor }) {
  const t = useTexts();
  const { ago } = useFormats();
  const { worker, last_seen_at: seen } = waiting;
  return (
    <div role="status">
      <Note tone="warn">{worker ? t.tasks.waitsForMachine(worker, seen && ago(seen)) : t.tasks.waitsForWorker}</Note>
    </div>
  );
}
