import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import { preview } from "../runs/index.ts";
import type { Choice, RunInput } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { ErrorNote, Progress } from "../ui/Feedback.tsx";
import { useUpload } from "../uploads/index.ts";
import { kindOf } from "./fitting.ts";

const STEPS: readonly Choice[] = [{ id: "pdf_pages", settings: { pages: "1", dpi: 100, separate: true } }];

/** The first page of a document as a picture: its URL once somebody has asked for it, since it costs what its operation costs. */
export function useFirstPage(input: RunInput | undefined) {
  const upload = useUpload(input?.uploadId ?? "");
  const fileId = input?.fileId ?? (upload?.state === "done" ? upload.fileId : undefined);
  const [wanted, setWanted] = useState<string>();
  const asked = fileId !== undefined && wanted === fileId;
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["first-page", fileId],
    queryFn: ({ signal }) => preview(STEPS, fileId ?? "", signal),
    enabled: asked,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return {
    url: asked ? data?.find((file) => kindOf(file.name ?? "") === "image")?.download_url : undefined,
    error: asked ? error : null,
    making: isFetching,
    make: fileId === undefined ? undefined : () => (asked ? void refetch() : setWanted(fileId)),
  };
}

/** Offers the first page to draw on. */
export function FirstPage({ page }: { page: ReturnType<typeof useFirstPage> }) {
  const t = useTexts().studio;
  return (
    <div>
      <div className="row">
        <Button disabled={!page.make || page.making} onClick={page.make}>
          {t.firstPage}
        </Button>
        <span className="muted">{t.firstPageHelp}</span>
      </div>
      {page.making && <Progress share={undefined} label={t.firstPage} />}
      <ErrorNote error={page.error} />
    </div>
  );
}
