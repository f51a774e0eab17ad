import { Download } from "lucide-react";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { ButtonLink } from "../../ui/Button.tsx";
import { ErrorNote, Loading } from "../../ui/Feedback.tsx";
import { hasEnded, type ResultFile, type TaskDetails } from "../model.ts";
import { useTaskResult } from "../queries.ts";

/** What a task has made. */
export function Results({ task }: { task: TaskDetails }) {
  const t = useTexts();
  const succeeded = task.state === "succeeded";
  const result = useTaskResult(task.task_id, succeeded);
  const files = result.data?.files ?? [];
  const zip = result.data?.zip_file;
  if (!succeeded) return hasEnded(task.state) ? null : <p className="muted">{t.tasks.resultsLater}</p>;
  return (
    <>
      <ErrorNote error={result.error} onRetry={() => void result.refetch()} />
      {result.isPending && <Loading />}
      {result.data && !files.length && <p className="muted">{t.tasks.noResults}</p>}
      {files.length > 0 && (
        <ul className="task-files">
          {files.map((file) => (
            <OutputFile key={file.id} file={file} />
          ))}
        </ul>
      )}
      {zip?.download_url && (
        <div>
          <ButtonLink href={zip.download_url} download={zip.name}>
            <Download aria-hidden />
            {t.tasks.downloadAll}
          </ButtonLink>
        </div>
      )}
    </>
  );
}

function OutputFile({ file }: { file: ResultFile }) {
  const t = useTexts();
  const formats = useFormats();
  const name = file.name ?? file.id;
  return (
    <li>
      <span>{name}</span>
      {file.size !== undefined && <span className="muted">{formats.bytes(file.size)}</span>}
      {file.download_url && (
        <ButtonLink small href={file.download_url} download={file.name} aria-label={t.tasks.downloadFile(name)}>
          <Download aria-hidden />
          {t.common.download}
        </ButtonLink>
      )}
    </li>
  );
}
