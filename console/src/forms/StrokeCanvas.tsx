import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import "../styles/forms.css";
import type { Spot } from "./boxes.ts";
import type { MaskSize, Stroke } from "./mask.ts";

/** Widths of the brush in shares of the picture's longer side. */
export const [THIN, THICK, USUAL] = [0.005, 0.2, 0.04] as const;
const KEY_STEP = 0.01;
const MIDDLE: Spot = { x: 0.5, y: 0.5 };
const ARROWS: Readonly<Record<string, Spot>> = {
  ArrowLeft: { x: -KEY_STEP, y: 0 },
  ArrowRight: { x: KEY_STEP, y: 0 },
  ArrowUp: { x: 0, y: -KEY_STEP },
  ArrowDown: { x: 0, y: KEY_STEP },
};

/**
 * Draws the strokes above a picture, and the brush at the position of the pointer or the keyboard. `draw` gets all strokes, the one that is
 * being painted last, and an empty canvas.
 */
export function StrokeCanvas({
  size,
  strokes,
  brush,
  label,
  draw,
  onStroke,
}: {
  size: MaskSize;
  strokes: readonly Stroke[];
  /** Its width in shares of the picture's longer side. */
  brush: number;
  label: string;
  draw: (canvas: CanvasRenderingContext2D, size: MaskSize, strokes: readonly Stroke[]) => void;
  onStroke: (stroke: Stroke) => void;
}) {
  const ref = useRef<HTMLCanvasElement>(null);
  const [way, setWay] = useState<readonly Spot[]>([]);
  const [at, setAt] = useState<Spot>();

  useEffect(() => {
    const context = ref.current?.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, size.width, size.height);
    draw(context, size, way.length ? [...strokes, { width: brush, way }] : strokes);
  }, [size, strokes, way, brush, draw]);

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
        aria-label={label}
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
