import { Plus, Trash2 } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import "../styles/forms.css";
import { Button, IconButton } from "../ui/Button.tsx";
import { type Box, between, type Corner, grown, meant, moved, opposite, type Spot } from "./boxes.ts";

const FIVE = 5;
const CORNERS: readonly Corner[] = ["nw", "ne", "sw", "se"];
const NEW_BOX: Box = { x1: 35, y1: 40, x2: 65, y2: 60 };
/** Per cent that a press of an arrow key moves a box by. */
const STEP = 1;
const ARROWS: Readonly<Record<string, Spot>> = {
  ArrowLeft: { x: -STEP, y: 0 },
  ArrowRight: { x: STEP, y: 0 },
  ArrowUp: { x: 0, y: -STEP },
  ArrowDown: { x: 0, y: STEP },
};

/** The action of a pointer: it draws from a corner that stays, or moves a box. `index` is the box's, or that of the one to come. */
type Drag = { index: number; box: Box; from: Spot; start?: Box };

/** Boxes on a picture, drawn with a pointer or with the keyboard, in per cent of its sides. */
export function BoxDrawer({
  src,
  boxes,
  onChange,
  max = FIVE,
}: {
  src: string;
  boxes: readonly Box[];
  onChange: (boxes: readonly Box[]) => void;
  max?: number | undefined;
}) {
  const t = useTexts().forms.boxes;
  const area = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<Drag>();
  const full = boxes.length >= max;
  const shown = drag ? put(boxes, drag.index, drag.box) : boxes;

  function spotOf(event: PointerEvent): Spot {
    const frame = area.current?.getBoundingClientRect();
    if (!frame?.width || !frame.height) return { x: 0, y: 0 };
    return {
      x: ((event.clientX - frame.left) / frame.width) * 100,
      y: ((event.clientY - frame.top) / frame.height) * 100,
    };
  }

  function begin(event: PointerEvent<HTMLDivElement>) {
    if (event.button !== 0 || !(event.target instanceof HTMLElement)) return;
    const spot = spotOf(event);
    const index = Number(event.target.closest<HTMLElement>("[data-box]")?.dataset.box ?? boxes.length);
    const box = boxes[index];
    const corner = CORNERS.find((each) => event.target instanceof HTMLElement && event.target.dataset.corner === each);
    if (box && corner) setDrag({ index, box, from: opposite(box, corner) });
    else if (box) setDrag({ index, box, from: spot, start: box });
    else if (!full) setDrag({ index, box: between(spot, spot), from: spot });
    else return;
    event.currentTarget.setPointerCapture(event.pointerId);
  }

  function go(event: PointerEvent) {
    if (!drag) return;
    const spot = spotOf(event);
    const { from, start } = drag;
    setDrag({ ...drag, box: start ? moved(start, spot.x - from.x, spot.y - from.y) : between(from, spot) });
  }

  function end() {
    if (drag && meant(drag.box)) onChange(put(boxes, drag.index, drag.box));
    setDrag(undefined);
  }

  return (
    <div className="drawing">
      <p className="muted">{t.hint(max)}</p>
      {/* Boxes are buttons, which the keyboard reaches; the area itself is for pointers. */}
      <div
        className="drawing-area"
        ref={area}
        onPointerDown={begin}
        onPointerMove={go}
        onPointerUp={end}
        onPointerCancel={() => setDrag(undefined)}
      >
        <img src={src} alt={t.area} draggable={false} />
        {shown.map((box, index) => (
          <BoxButton
            // A box has nothing but its number.
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            key={index}
            box={box}
            index={index}
            onChange={(next) => onChange(next ? put(boxes, index, next) : boxes.filter((_, at) => at !== index))}
          />
        ))}
      </div>
      <div className="row">
        <Button small disabled={full} onClick={() => onChange([...boxes, NEW_BOX])}>
          <Plus aria-hidden />
          {t.add}
        </Button>
        {boxes.length > 0 && (
          <Button small look="quiet" onClick={() => onChange([])}>
            <Trash2 aria-hidden />
            {t.clear}
          </Button>
        )}
      </div>
      <BoxList
        boxes={shown}
        full={full ? t.full(max) : undefined}
        onRemove={(at) => onChange(boxes.filter((_, index) => index !== at))}
      />
      <p className="help">{t.keys}</p>
    </div>
  );
}

function BoxButton({ box, index, onChange }: { box: Box; index: number; onChange: (box: Box | undefined) => void }) {
  const t = useTexts().forms.boxes;
  const where = useWhere();
  function press(event: KeyboardEvent) {
    const by = ARROWS[event.key];
    if (by) onChange(event.shiftKey ? grown(box, by.x, by.y) : moved(box, by.x, by.y));
    else if (event.key === "Delete" || event.key === "Backspace") onChange(undefined);
    else return;
    event.preventDefault();
  }
  return (
    <button
      type="button"
      className="drawing-box"
      data-box={index}
      style={{ left: `${box.x1}%`, top: `${box.y1}%`, width: `${box.x2 - box.x1}%`, height: `${box.y2 - box.y1}%` }}
      aria-label={`${t.box(index + 1)}, ${where(box)}`}
      onKeyDown={press}
    >
      <span className="drawing-number">{index + 1}</span>
      {CORNERS.map((corner) => (
        <span key={corner} className={`drawing-corner ${corner}`} data-corner={corner} />
      ))}
    </button>
  );
}

/** The boxes in numbers, and how many more there can be. */
function BoxList({
  boxes,
  full,
  onRemove,
}: {
  boxes: readonly Box[];
  full: string | undefined;
  onRemove: (index: number) => void;
}) {
  const t = useTexts().forms.boxes;
  const where = useWhere();
  return (
    <>
      <ol className="drawing-list">
        {boxes.map((box, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a box has nothing but its number
          <li key={index}>
            <span>
              <b>{t.box(index + 1)}</b> {where(box)}
            </span>
            <IconButton small look="quiet" label={t.remove(index + 1)} onClick={() => onRemove(index)}>
              <Trash2 />
            </IconButton>
          </li>
        ))}
      </ol>
      <p className="drawing-told muted" role="status">
        {boxes.length ? full : t.none}
      </p>
    </>
  );
}

function useWhere(): (box: Box) => string {
  const t = useTexts().forms.boxes;
  const { number } = useFormats();
  const side = (value: number) => `${number(Math.round(value * 10) / 10)}%`;
  return (box) => t.where(side(box.x1), side(box.y1), side(box.x2), side(box.y2));
}

function put(boxes: readonly Box[], index: number, box: Box): readonly Box[] {
  return index < boxes.length ? boxes.map((each, at) => (at === index ? box : each)) : [...boxes, box];
}
