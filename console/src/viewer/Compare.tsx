import { Brush } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import type { Box } from "../forms/boxes.ts";
import { useTexts } from "../i18n/texts.ts";
import "../styles/forms.css";
import "../styles/viewer.css";
import { Button } from "../ui/Button.tsx";
import { Note } from "../ui/Feedback.tsx";
import { CompareBar, type Mode } from "./CompareBar.tsx";
import { Frame } from "./Frame.tsx";
import { type Looked, useLooked } from "./looked.ts";
import { useSize, useZoom } from "./useZoom.ts";
import { type Point, placed, type Size } from "./view.ts";

/** Pixels that a press of an arrow key moves the picture by. */
const KEY_STEP = 60;
const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: KEY_STEP, y: 0 },
  ArrowRight: { x: -KEY_STEP, y: 0 },
  ArrowUp: { x: 0, y: KEY_STEP },
  ArrowDown: { x: 0, y: -KEY_STEP },
};
const NOTHING: Size = { width: 0, height: 0 };

/**
 * A picture next to its original, or alone, to zoom and to move. The result is shown at the extent of the original, so that an
 * enlarged one lies on it; in steps, one pixel of the original is one of the screen at 100%.
 */
export function Compare({
  before,
  after,
  alt,
  failed,
  actions,
  places = [],
  onRetouch,
}: {
  before?: string | undefined;
  after: string;
  alt: string;
  /** Shown if the browser cannot show the result. */
  failed?: ReactNode;
  /** At the end of the bar. */
  actions?: ReactNode;
  /** Outlined, unless that is switched off; in per cent of the original. */
  places?: readonly Box[];
  /** Erase and restore parts of the result, if it is a cut-out of the whole original. */
  onRetouch?: (() => void) | undefined;
}) {
  const t = useTexts().viewer;
  const frame = useRef<HTMLDivElement>(null);
  const size = useSize(frame);
  const original = useLooked(before);
  const result = useLooked(after);
  const [chosen, setChosen] = useState<Mode>();
  const [split, setSplit] = useState(50);
  const [outlining, setOutlining] = useState(true);

  const sizes = original.size && result.size && { original: original.size, result: result.size };
  const alike = sizes ? placed(sizes.original, sizes.result).alike : true;
  const mode: Mode = !before || original.failed ? "only" : (chosen ?? (alike ? "slider" : "side"));
  const extent = (mode === "only" && !alike ? result.size : (original.size ?? result.size)) ?? NOTHING;
  const place = result.size ? placed(extent, result.size) : { x: 0, y: 0, ...extent };
  const detail = result.size && place.width ? result.size.width / place.width : 1;
  // How large a pixel of what is shown is at zoom 1.
  const scale = mode === "only" && detail ? 1 / detail : 1;
  const zoom = useZoom(size, extent, detail, scale);

  function press(event: KeyboardEvent) {
    const by = ARROWS[event.key];
    // The slider has the arrow keys for itself.
    if (by && !(event.target instanceof HTMLInputElement)) zoom.pan(by.x, by.y);
    else if (event.key === "+" || event.key === "=") zoom.zoomBy(1.25);
    else if (event.key === "-") zoom.zoomBy(1 / 1.25);
    else if (event.key === "0") zoom.fit();
    else if (event.key === "1") zoom.zoomTo(1 / scale);
    else return;
    event.preventDefault();
  }

  // A result of another shape lies elsewhere.
  const outlinable = places.length > 0 && (mode !== "only" || alike);
  const outlined = outlinable && outlining ? places : [];
  const retouchable = sizes && alike && result.transparent ? onRetouch : undefined;

  if (result.failed) return failed ?? <Note tone="warn">{t.failed}</Note>;
  const layer = (looked: Looked, lies: Point & Size, text: string) => ({ looked, lies, alt: text });
  const resultLayer = layer(result, place, `${t.result}: ${alt}`);
  const originalLayer = before ? layer(original, { x: 0, y: 0, ...extent }, `${t.original}: ${alt}`) : undefined;
  const ready = Boolean(result.size && (original.size || original.failed || !before));
  return (
    <div className="viewer">
      <CompareBar
        modes={before && !original.failed ? mode : undefined}
        onMode={setChosen}
        zoom={zoom}
        scale={scale}
        outlining={outlinable ? outlining : undefined}
        onOutlining={setOutlining}
        actions={
          <>
            {retouchable && (
              <Button small onClick={retouchable}>
                <Brush aria-hidden />
                {t.retouch.open}
              </Button>
            )}
            {actions}
          </>
        }
      />
      {original.failed && <p className="muted">{t.noOriginal}</p>}
      {/* biome-ignore lint/a11y/useSemanticElements: a group of controls of a form is something else */}
      <div
        className={`viewer-stage ${mode}`}
        role="group"
        aria-label={`${t.compare}. ${t.keys}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: moving the picture needs the keyboard
        tabIndex={0}
        onKeyDown={press}
      >
        {mode === "side" && originalLayer && (
          <Frame
            layers={[originalLayer]}
            labels={[t.original]}
            zoom={zoom}
            extent={extent}
            size={size}
            ready={ready}
            places={outlined}
          />
        )}
        <Frame
          ref={frame}
          layers={mode === "slider" && originalLayer ? [resultLayer, originalLayer] : [resultLayer]}
          labels={mode === "slider" ? [t.original, t.result] : mode === "side" ? [t.result] : []}
          zoom={zoom}
          extent={extent}
          size={size}
          ready={ready}
          split={mode === "slider" ? split : undefined}
          onSplit={setSplit}
          places={outlined}
        />
      </div>
      {/* Sizes are known before a mode shows both. */}
      {mode === "only" && before && !original.size && !original.failed && <Probe looked={original} />}
      {sizes && (
        <p className="viewer-sizes muted">
          {t.original} {t.size(sizes.original.width, sizes.original.height)}, {t.result}{" "}
          {t.size(sizes.result.width, sizes.result.height)}
        </p>
      )}
    </div>
  );
}

function Probe({ looked }: { looked: Looked }) {
  return <img hidden alt="" src={looked.src} onLoad={looked.onLoad} onError={looked.onError} />;
}
