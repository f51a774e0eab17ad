import { useQuery } from "@tanstack/react-query";
import { ChevronLeft, ChevronRight, Workflow } from "lucide-react";
import { Link } from "wouter";
import { data, v1 } from "../api/client.ts";
import { useNames } from "../forms/names.ts";
import { useErrorText } from "../forms/useErrorText.ts";
import { noticeText } from "../i18n/said.ts";
import { useTexts } from "../i18n/texts.ts";
import type { RunInput, RunItem } from "../runs/types.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Empty, ErrorNote, Note } from "../ui/Feedback.tsx";
import { useUpload } from "../uploads/index.ts";
import { ResultView } from "../viewer/ResultView.tsx";
import { kindOf } from "./fitting.ts";
import { viewed } from "./viewed.ts";

/** A result, next to its original. */
export function ItemDialog({
  items,
  itemId,
  onItem,
  onClose,
  onGoOn,
}: {
  items: readonly RunItem[];
  itemId: string;
  onItem: (id: string) => void;
  onClose: () => void;
  onGoOn: (item: RunItem) => void;
}) {
  const t = useTexts();
  const names = useNames();
  const errorText = useErrorText();
  const index = items.findIndex((item) => item.id === itemId);
  const item = items[index];
  const original = useOriginal(item?.inputs[0]);
  if (!item) return null;
  const before = items[index - 1];
  const after = items[index + 1];
  return (
    <Dialog title={item.inputs[0]?.name ?? item.files[0]?.name ?? ""} wide onClose={onClose}>
      {item.files.length === 0 && !item.error && <Empty>{t.studio.states[item.state]}</Empty>}
      {item.error && <ErrorNote error={new Error(errorText(item.error))} />}
      {item.files.map((file) => {
        const shown = viewed(file);
        return shown && <ResultView key={file.id} file={shown} original={original} />;
      })}
      {item.notices.map((notice) => (
        <Note key={`${notice.code}${notice.subject ?? ""}${notice.message}`}>
          {noticeText(t, notice, notice.subject && (names.field(notice.subject) ?? notice.subject))}
        </Note>
      ))}
      <div className="dialog-foot">
        <div className="row grow">
          <IconButton label={t.studio.previous} disabled={!before} onClick={() => before && onItem(before.id)}>
            <ChevronLeft />
          </IconButton>
          <span className="muted">{t.studio.position(index + 1, items.length)}</span>
          <IconButton label={t.studio.next} disabled={!after} onClick={() => after && onItem(after.id)}>
            <ChevronRight />
          </IconButton>
        </div>
        {item.taskId && <Link href={`/tasks/${item.taskId}`}>{`${t.studio.task} ${item.taskId}`}</Link>}
        {item.files.length > 0 && (
          <Button
            onClick={() => {
              onClose();
              onGoOn(item);
            }}
          >
            <Workflow aria-hidden />
            {t.studio.goOn}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

/** A URL of what went in: the file that is still on this page, or the server's. */
function useOriginal(input: RunInput | undefined): { url: string; name: string } | undefined {
  const upload = useUpload(input?.uploadId ?? "");
  const fileId = input?.fileId ?? upload?.fileId;
  const { data: url } = useQuery({
    queryKey: ["download-url", fileId],
    queryFn: async () =>
      (await data(v1.GET("/v1/files/{id}/download-url", { params: { path: { id: fileId ?? "" } } }))).download_url,
    enabled: fileId !== undefined && !upload?.preview,
    staleTime: 3_600_000,
  });
  const found = upload?.preview ?? url;
  return found && input && kindOf(input.name) !== "other" ? { url: found, name: input.name } : undefined;
}
