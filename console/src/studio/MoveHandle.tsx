import { GripVertical } from "lucide-react";
import type { KeyboardEvent, PointerEvent } from "react";
import { useTexts } from "../i18n/texts.ts";
import { IconButton } from "../ui/Button.tsx";

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/** Moves a file among the others, whose elements have their places as `data-place`: dragged by any pointer, or by the arrow keys. */
export function MoveHandle({ name, index, onMove }: { name: string; index: number; onMove: (place: number) => void }) {
  const t = useTexts();

  function press(event: KeyboardEvent) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    onMove(index + step);
  }

  function drag(event: PointerEvent<HTMLButtonElement>) {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const tile = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>("[data-place]");
    const place = Number(tile?.dataset.place ?? index);
    if (place !== index) onMove(place);
  }

  return (
    <IconButton
      label={t.studio.moveFile(name)}
      small
      className="file-move"
      onKeyDown={press}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
    >
      <GripVertical />
    </IconButton>
  );
}
