import { ChevronLeft, ChevronRight, Workflow } from "lucide-react";
import { Link } from "wouter";
import { useNames } from "../forms/names.ts";
import { useErrorText } from "../forms/useErrorText.ts";
import { noticeText } from "../i18n/said.ts";
import { useTexts } from "../i18n/texts.ts";
import type { RunItem } from "../runs/types.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Empty, ErrorNote, Note } from "../ui/Feedback.tsx";
import { placesOf } from "../viewer/places.ts";
import { ResultView } from "../viewer/ResultView.tsx";
import { DrawBoxes } from "./DrawBoxes.tsx";
import { NO_MARK } from "./noMark.ts";
import { useOriginal } from "./useOriginal.ts";
import { viewed } from "./viewed.ts";

/** A result, next to its original. */
export function ItemDialog({
  items,
  itemId,
  onItem,
  onClose,
  onGoOn,
  onWork,
}: {
  items: readonly RunItem[];
  itemId: string;
  onItem: (id: string) => void;
  onClose: () => void;
  onGoOn: (item: RunItem) => void;
  /** Called once other work has been prepared. */
  onWork: () => void;
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
        return shown && <ResultView key={file.id} file={shown} original={original} places={placesOf(item.notices)} />;
      })}
      {item.unchanged && <Note>{t.tasks.unchanged}</Note>}
      {item.notices.map((notice) => (
        <Note key={`${notice.code}${notice.subject ?? ""}${notice.message}`}>
          {noticeText(t, notice, notice.subject && (names.field(notice.subject) ?? notice.subject))}
          {notice.code === NO_MARK && item.inputs[0] && (
            <DrawBoxes
              input={item.inputs[0]}
              onDone={() => {
                onClose();
                onWork();
              }}
            />
          )}
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
