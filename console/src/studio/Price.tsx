import { useQuery } from "@tanstack/react-query";
import { ApiError } from "../api/errors.ts";
import { may, useMe } from "../api/me.ts";
import { useErrorText } from "../forms/useErrorText.ts";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { estimate } from "../runs/index.ts";
import type { Choice, Estimate, RunInput } from "../runs/types.ts";
import { useLater } from "../ui/useLater.ts";
import { usePictureSize } from "../ui/usePictureSize.ts";
import { useUploads } from "../uploads/index.ts";
import { isGif, kindOf } from "./fitting.ts";

const WAIT_MS = 400;

type Asked = { steps: readonly Choice[]; inputs: readonly RunInput[]; together: boolean; picture: string | undefined };
type Priced = { data: Estimate | undefined; error: unknown; count: number };

/** The price of a run and the time that `picture` takes, or the refusal, as soon as the server reports it. */
export function usePrice({ steps, inputs, together, picture }: Asked): Priced {
  const size = usePictureSize(picture);
  const uploads = useUploads();
  // The price of a document is that of its pages, and of a video or an animation that of its frames, which the server knows.
  const each = together || inputs.some(({ name }) => ["pdf", "video"].includes(kindOf(name)) || isGif(name));
  const files = each
    ? inputs.map((input) => ({
        ...input,
        fileId: input.fileId ?? uploads.find(({ id }) => id === input.uploadId)?.fileId,
      }))
    : inputs.length;
  const me = useMe();
  const asked = useLater({ steps, files, size: each ? undefined : size }, WAIT_MS);
  const { data, error } = useQuery({
    queryKey: ["price", asked],
    queryFn: () => estimate(asked.steps, asked.files, asked.size),
    enabled: may(me, "billing:read") && (inputs.length > 0 || together),
    staleTime: 60_000,
    retry: false,
  });
  return { data, error, count: together ? 1 : inputs.length };
}

export function Price({ priced: { data, error, count } }: { priced: Priced }) {
  const t = useTexts();
  const errorText = useErrorText();
  const { number, roughly } = useFormats();
  // The server also refuses to price a task that it would refuse: a provider that is not set up, or a file that is too large.
  if (error instanceof ApiError && !error.passing && error.status === 400) {
    return (
      <span className="unaffordable" role="status">
        {errorText(error)}
      </span>
    );
  }
  if (!data) return null;
  return (
    <span className={data.affordable ? "muted" : "unaffordable"} role="status">
      {data.credits === 0 ? t.studio.free : t.studio.upTo(t.studio.price(number(data.credits)))}
      {data.secondsEach !== undefined && ` · ${t.studio.takes(roughly(data.secondsEach), count)}`}
      {!data.affordable && ` ${t.studio.priceOf(number(data.available))}. ${t.studio.unaffordable}`}
    </span>
  );
}
