import { useQuery } from "@tanstack/react-query";
import { Eye } from "lucide-react";
import { useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { preview } from "../runs/index.ts";
import type { Choice, RunInput } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { ErrorNote, Progress } from "../ui/Feedback.tsx";
import { SelectField, SwitchField } from "../ui/Field.tsx";
import { useLater } from "../ui/useLater.ts";
import { useUpload } from "../uploads/index.ts";
import { ResultView } from "../viewer/ResultView.tsx";
import { viewed } from "./viewed.ts";

const WAIT_MS = 500;
const MOST_OFFERED = 50;
/** A format without animations has the first frame. */
const FRAME: Choice = { id: "convert", settings: { format: "PICTURE_FORMAT_JPEG" } };

/** The result for one of the inputs: as the settings change for what is plain and fast, on demand for the rest. */
export function LivePreview({
  steps,
  ready,
  live,
  input,
  picture,
  video,
  inputs,
  onInput,
}: {
  steps: readonly Choice[];
  ready: boolean;
  live: boolean;
  input: RunInput;
  /** URL of a picture of the input. */
  picture: string | undefined;
  /** Whether the input is a video, of which one frame is enough to look at. */
  video: boolean;
  inputs: readonly RunInput[];
  onInput: (index: number) => void;
}) {
  const t = useTexts();
  const upload = useUpload(input.uploadId ?? "");
  const fileId = input.fileId ?? (upload?.state === "done" ? upload.fileId : undefined);
  // Each preview is charged, so that it is made of the file for which it was asked.
  const [wanted, setWanted] = useState<string>();
  const [following, setFollowing] = useState(false);
  const settled = useLater(steps, WAIT_MS);
  const enabled = ready && fileId !== undefined && (live ? following : wanted === fileId);
  const { data, error, isFetching, refetch } = useQuery({
    // A costly preview is made on request, and stays until the next request.
    queryKey: ["preview", fileId, live ? settled : steps[0]?.id],
    queryFn: ({ signal }) => preview(video ? [...steps, FRAME] : steps, fileId ?? "", signal),
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
    placeholderData: (before) => (live ? before : undefined),
  });
  const [first] = data ?? [];
  const file = first && viewed(first);
  return (
    <section className="preview" aria-label={t.studio.preview}>
      <div className="row">
        {live ? (
          <SwitchField label={t.studio.previewLive} checked={following} onChange={setFollowing} />
        ) : (
          <Button
            disabled={!ready || fileId === undefined || isFetching}
            onClick={() => (wanted === fileId ? void refetch() : setWanted(fileId))}
          >
            <Eye aria-hidden />
            {t.studio.previewMake}
          </Button>
        )}
        {inputs.length > 1 && (
          <SelectField
            label={t.studio.preview}
            value={String(Math.max(0, inputs.indexOf(input)))}
            onChange={(event) => onInput(Number(event.target.value))}
            options={inputs.slice(0, MOST_OFFERED).map((each, index) => ({ value: String(index), label: each.name }))}
          />
        )}
        <span className="muted">{video ? t.studio.previewVideo : t.studio.previewHelp}</span>
      </div>
      {isFetching && <Progress share={undefined} label={t.studio.previewOf(input.name)} />}
      {enabled && <ErrorNote error={error} />}
      {enabled && file && (
        <ResultView
          file={file}
          original={
            picture ? { url: picture, name: input.name, mediaType: video ? "image/jpeg" : undefined } : undefined
          }
        />
      )}
    </section>
  );
}
