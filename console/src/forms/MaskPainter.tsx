import { Eraser, Undo2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import "../styles/forms.css";
import { Button } from "../ui/Button.tsx";
import { BrushField } from "./BrushField.tsx";
import { type MaskSize, maskOf, maskSize, paint, type Stroke } from "./mask.ts";
import { StrokeCanvas, USUAL } from "./StrokeCanvas.tsx";

const PAINT = "#ff2d1f";

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
  const [brush, setBrush] = useState<number>(USUAL);
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
          <StrokeCanvas
            size={size}
            strokes={strokes}
            brush={brush}
            label={t.area}
            draw={paintRed}
            onStroke={(stroke) => setStrokes([...strokes, stroke])}
          />
        )}
      </div>
      <div className="row">
        <BrushField brush={brush} onBrush={setBrush} />
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

function paintRed(canvas: CanvasRenderingContext2D, size: MaskSize, strokes: readonly Stroke[]): void {
  paint(canvas, size, strokes, PAINT);
}
