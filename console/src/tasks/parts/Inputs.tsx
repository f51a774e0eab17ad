import { useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { data, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { ErrorNote } from "../../ui/Feedback.tsx";
import { downloadFile } from "../../viewer/files.ts";
import type { TaskDetails } from "../model.ts";

/** The files that a task was given. A URL is asked for when somebody wants the file: it may be gone. */
export function Inputs({ inputs }: { inputs: TaskDetails["inputs"] }) {
  const t = useTexts();
  const fetched = useMutation({
    mutationFn: (id: string) => data(v1.GET("/v1/files/{id}/download-url", { params: { path: { id } } })),
    onSuccess: ({ download_url, file }) => downloadFile({ name: file.name, url: download_url }),
  });
  if (!inputs.length) return <p className="muted">{t.tasks.noInputs}</p>;
  return (
    <>
      <ul className="task-files">
        {inputs.map(({ file_id, name = file_id }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a file may be there twice, and their order is fixed.
          <li key={index}>
            <span translate="no">{name}</span>
            <Button
              small
              aria-label={t.tasks.downloadFile(name)}
              disabled={fetched.isPending}
              onClick={() => fetched.mutate(file_id)}
            >
              <Download aria-hidden />
              {t.common.download}
            </Button>
          </li>
        ))}
      </ul>
      <ErrorNote error={fetched.error} />
    </>
  );
}
