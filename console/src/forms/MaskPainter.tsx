import { Eraser, Undo2 } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import "../styles/forms.css";
import { Button } from "../ui/Button.tsx";
import { Field } from "../ui/Field.tsx";
import type { Spot } from "./boxes.ts";
import { type MaskSize, maskOf, maskSize, paint, type Stroke } from "./mask.ts";

const PAINT = "#ff2d1f";
/** Shares of the picture's longer side. */
const [THIN, THICK, USUAL] = [0.005, 0.2, 0.04];
const KEY_STEP = 0.01;
const MIDDLE: Spot = { x: 0.5, y: 0.5 };
const ARROWS: Readonly<Record<string, Spot>> = {
  ArrowLeft: { x: -KEY_STEP, y: 0 },
  ArrowRight: { x: KEY_STEP, y: 0 },
  ArrowUp: { x: 0, y: -KEY_STEP },
  ArrowDown: { x: 0, y: KEY_STEP },
};

/** Paint over a part of a picture. `onChange` gets a PNG, white where it was painted; undefined while nothing is. */
export function MaskPainter({ src, onChange }: { src: string; onChange: (mask: Blob | undefined) => void }) {
  // Another picture begins without strokes.
  return <Painter key={src} src={src} onChange={onChange} />;
}

function Painter({ src, onChange }: { src: string; onChange: (mask: Blob | undefined) => void }) {
  const t = useTexts().forms.mask;
  const { percent } = useFormats();
  const [size, setSize] = useState<MaskSize>();
  const [strokes, setStrokes] = useState<readonly Stroke[]>([]);
  const [share, setShare] = useState(0);
  const [brush, setBrush] = useState(USUAL);
  const latest = useRef(onChange);
  latest.current = onChange;

  useEffect(() => {
    if (!size) return;
    let wanted = true;
    void maskOf(size, strokes).then((mask) => {
      if (!wanted) return;
      setShare(mask?.share ?? 0);
      latest.current(mask?.png);
    });
    return () => {
      wanted = false;
    };
  }, [size, strokes]);

  return (
    <div className="drawing">
      <p className="muted">{t.hint}</p>
      <div className="drawing-area paint">
        <img
          src={src}
          alt=""
          draggable={false}
          onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
            setSize(maskSize(naturalWidth, naturalHeight))
          }
        />
        {size && (
          <Canvas size={size} strokes={strokes} brush={brush} onStroke={(stroke) => setStrokes([...strokes, stroke])} />
        )}
      </div>
      <div className="row">
        <Field label={t.brush}>
          {(joined) => (
            <input
              type="range"
              min={THIN}
              max={THICK}
              step={0.005}
              value={brush}
              onChange={(event) => setBrush(Number(event.target.value))}
              {...joined}
            />
          )}
        </Field>
        <Button small disabled={!strokes.length} onClick={() => setStrokes(strokes.slice(0, -1))}>
          <Undo2 aria-hidden />
          {t.undo}
        </Button>
        <Button small disabled={!strokes.length} onClick={() => setStrokes([])}>
          <Eraser aria-hidden />
          {t.clear}
        </Button>
      </div>
      <p className="muted" role="status">
        {strokes.length ? t.painted(percent(share)) : t.empty}
      </p>
      <p className="help">{t.keys}</p>
    </div>
  );
}

/** The painted area, above the picture, and the brush at the position of the pointer or the keyboard. */
function Canvas({
  size,
  strokes,
  brush,
  onStroke,
}: {
  size: MaskSize;
  strokes: readonly Stroke[];
  brush: number;
  onStroke: (stroke: Stroke) => void;
}) {
  const t = useTexts().forms.mask;
  const ref = useRef<HTMLCanvasElement>(null);
  const [way, setWay] = useState<readonly Spot[]>([]);
  const [at, setAt] = useState<Spot>();

  useEffect(() => {
    const context = ref.current?.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, size.width, size.height);
    paint(context, size, way.length ? [...strokes, { width: brush, way }] : strokes, PAINT);
  }, [size, strokes, way, brush]);

  function spotOf(event: PointerEvent<HTMLElement>): Spot {
    const frame = event.currentTarget.getBoundingClientRect();
    return { x: (event.clientX - frame.left) / frame.width, y: (event.clientY - frame.top) / frame.height };
  }

  function go(event: PointerEvent<HTMLElement>) {
    const spot = spotOf(event);
    setAt(spot);
    if (way.length) setWay([...way, spot]);
  }

  function end() {
    if (way.length) onStroke({ width: brush, way });
    setWay([]);
  }

  function press(event: KeyboardEvent) {
    const spot = at ?? MIDDLE;
    const by = ARROWS[event.key];
    if (by) setAt({ x: within(spot.x + by.x), y: within(spot.y + by.y) });
    else if (event.key === " ") onStroke({ width: brush, way: [spot] });
    else return;
    event.preventDefault();
  }

  const diameter = brush * Math.max(size.width, size.height);
  return (
    <>
      {/* A button: painting needs the keyboard. */}
      <button
        type="button"
        className="drawing-canvas"
        aria-label={t.area}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setAt(spotOf(event));
          setWay([spotOf(event)]);
        }}
        onPointerMove={go}
        onPointerUp={end}
        onPointerCancel={end}
        onPointerLeave={() => setAt(undefined)}
        onFocus={(event) => event.currentTarget.matches(":focus-visible") && setAt(at ?? MIDDLE)}
        onBlur={() => setAt(undefined)}
        onKeyDown={press}
      >
        <canvas ref={ref} width={size.width} height={size.height} />
      </button>
      {at && (
        <span
          className="drawing-brush"
          style={{
            left: `${at.x * 100}%`,
            top: `${at.y * 100}%`,
            width: `${(diameter / size.width) * 100}%`,
            height: `${(diameter / size.height) * 100}%`,
          }}
        />
      )}
    </>
  );
}

function within(share: number): number {
  return Math.min(1, Math.max(0, share));
}
