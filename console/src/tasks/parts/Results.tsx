import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { data, v1 } from "../../api/client.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button, ButtonLink } from "../../ui/Button.tsx";
import { Data } from "../../ui/Data.tsx";
import { ErrorNote, Loading } from "../../ui/Feedback.tsx";
import type { ViewedFile } from "../../viewer/files.ts";
import { comparable, viewKind } from "../../viewer/kinds.ts";
import { placesOf } from "../../viewer/places.ts";
import { ResultView } from "../../viewer/ResultView.tsx";
import { keys } from "../keys.ts";
import { hasEnded, type ResultFile, type TaskDetails } from "../model.ts";
import { useTaskResult } from "../queries.ts";

/** The results of a task: a viewer for one file, and the list of all if there are several. */
export function Results({ task }: { task: TaskDetails }) {
  const t = useTexts();
  const succeeded = task.state === "succeeded";
  const result = useTaskResult(task.task_id, succeeded);
  const [chosen, setChosen] = useState(0);
  const files = (result.data?.files ?? []).flatMap((file) => viewed(file) ?? []);
  const file = files[chosen] ?? files[0];
  const original = useOriginal(task, file);
  const zip = result.data?.zip_file;
  if (!succeeded) return hasEnded(task.state) ? null : <p className="muted">{t.tasks.resultsLater}</p>;
  return (
    <>
      <ErrorNote error={result.error} onRetry={() => void result.refetch()} />
      {result.isPending && <Loading />}
      {result.data && !file && <p className="muted">{t.tasks.noResults}</p>}
      {file && <ResultView key={file.url} file={file} original={original} places={placesOf(task.notices)} />}
      {files.length > 1 && <FileList files={files} chosen={file} onChoose={setChosen} />}
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

function FileList({
  files,
  chosen,
  onChoose,
}: {
  files: readonly ViewedFile[];
  chosen: ViewedFile | undefined;
  onChoose: (index: number) => void;
}) {
  const t = useTexts();
  const formats = useFormats();
  return (
    <ul className="task-files">
      {files.map((file, index) => (
        <li key={file.url}>
          <span>
            <Button small look="quiet" aria-pressed={file === chosen} onClick={() => onChoose(index)}>
              <Data>{file.name}</Data>
            </Button>
          </span>
          {file.size !== undefined && <span className="muted">{formats.bytes(file.size)}</span>}
          <ButtonLink small href={file.url} download={file.name} aria-label={t.tasks.downloadFile(file.name)}>
            <Download aria-hidden />
            {t.common.download}
          </ButtonLink>
        </li>
      ))}
    </ul>
  );
}

function viewed({ id, name, type, download_url, size }: ResultFile): ViewedFile | undefined {
  return download_url ? { name: name ?? [id, type].filter(Boolean).join("."), url: download_url, size } : undefined;
}

/** The picture, the video or the document that a task with one input was given. Without it, if it has been deleted meanwhile, there is nothing to compare with. */
function useOriginal(task: TaskDetails, result: ViewedFile | undefined): ViewedFile | undefined {
  const input = task.inputs.length === 1 ? task.inputs[0] : undefined;
  return useQuery({
    queryKey: keys.original(input?.file_id ?? ""),
    queryFn: async ({ signal }): Promise<ViewedFile> => {
      const params = { path: { id: input?.file_id ?? "" } };
      const { download_url, file } = await data(v1.GET("/v1/files/{id}/download-url", { params, signal }));
      return { name: file.name, url: download_url, mediaType: file.media_type, size: file.size };
    },
    enabled: Boolean(result && input?.name && comparable(viewKind(result.name), viewKind(input.name))),
    // Another URL would load the picture again.
    staleTime: 3_600_000,
  }).data;
}
