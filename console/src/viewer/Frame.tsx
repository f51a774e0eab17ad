import { MoveHorizontal } from "lucide-react";
import { type CSSProperties, type MouseEvent, type Ref, useImperativeHandle, useRef } from "react";
import type { Box } from "../forms/boxes.ts";
import { useTexts } from "../i18n/texts.ts";
import type { Looked } from "./looked.ts";
import { useGestures } from "./useGestures.ts";
import type { Zoom } from "./useZoom.ts";
import { HARD_FROM, overflows, type Point, type Size, type View } from "./view.ts";

export type LayerOf = { looked: Looked; lies: Point & Size; alt: string };

/** Pixels around the divider in which it can be grabbed while a drag would move the picture. */
const REACH = 28;

/** Clips a picture, or two laid over each other, to a rectangle of the page. With `split`, the second layer is left of the divider. */
export function Frame({
  ref,
  layers,
  labels,
  zoom,
  extent,
  size,
  ready,
  split,
  onSplit,
  places = [],
}: {
  ref?: Ref<HTMLDivElement>;
  layers: readonly LayerOf[];
  labels: readonly string[];
  zoom: Zoom;
  extent: Size;
  size: Size;
  ready: boolean;
  split?: number | undefined;
  onSplit?: (percent: number) => void;
  /** Outlined, in per cent of the extent. */
  places?: readonly Box[];
}) {
  const t = useTexts();
  const frame = useRef<HTMLDivElement>(null);
  useImperativeHandle(ref, () => frame.current as HTMLDivElement);
  const moves = overflows(zoom.view, size, extent);

  const gestures = useGestures(frame, zoom, (at) => {
    const near = split !== undefined && Math.abs(at.x - (split / 100) * size.width) < REACH;
    return split !== undefined && (near || !moves)
      ? (to) => onSplit?.(Math.min(100, Math.max(0, (to.x / size.width) * 100)))
      : (to, from) => zoom.pan(to.x - from.x, to.y - from.y);
  });

  function magnify(event: MouseEvent<HTMLElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    if (zoom.fitted)
      zoom.zoomTo(Math.max(1, zoom.view.zoom * 2), { x: event.clientX - box.left, y: event.clientY - box.top });
    else zoom.fit();
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it is for pointers; the keyboard has the stage around it
    <div
      ref={frame}
      className={["viewer-frame", moves && "moves", split !== undefined && "splits"].filter(Boolean).join(" ")}
      onDoubleClick={magnify}
      {...gestures}
    >
      {layers.map((layer, index) => (
        <div
          key={layer.looked.src}
          className="viewer-pane"
          style={split === undefined ? undefined : { clipPath: clip(split, index) }}
        >
          <Layer {...layer} view={zoom.view} ready={ready} />
        </div>
      ))}
      {ready &&
        places.map((place) => (
          <Outline key={Object.values(place).join()} place={place} extent={extent} view={zoom.view} />
        ))}
      {!ready && (
        <p className="viewer-wait muted" role="status">
          {t.common.loading}
        </p>
      )}
      {labels.map((label, index) => (
        <span key={label} className={index ? "viewer-label end" : "viewer-label"} aria-hidden>
          {label}
        </span>
      ))}
      {split !== undefined && (
        <>
          <input
            type="range"
            className="viewer-range"
            min={0}
            max={100}
            step={1}
            value={Math.round(split)}
            aria-label={t.viewer.divider}
            aria-valuetext={t.viewer.share(Math.round(split))}
            onChange={(event) => onSplit?.(Number(event.target.value))}
          />
          <div className="viewer-divider" style={{ left: `${split}%` }} aria-hidden>
            <span>
              <MoveHorizontal />
            </span>
          </div>
        </>
      )}
    </div>
  );
}

function clip(split: number, index: number): string {
  return index ? `inset(0 ${100 - split}% 0 0)` : `inset(0 0 0 ${split}%)`;
}

/** An outline where the view has a place. */
function Outline({ place, extent, view }: { place: Box; extent: Size; view: View }) {
  const { width, height } = { width: (extent.width * view.zoom) / 100, height: (extent.height * view.zoom) / 100 };
  const style: CSSProperties = {
    left: view.x + place.x1 * width,
    top: view.y + place.y1 * height,
    width: (place.x2 - place.x1) * width,
    height: (place.y2 - place.y1) * height,
  };
  return <span className="viewer-place" style={style} aria-hidden />;
}

/** A picture where the view has it, above a checkerboard. */
function Layer({ looked, lies, alt, view, ready }: LayerOf & { view: View; ready: boolean }) {
  const style: CSSProperties = {
    width: lies.width * view.zoom,
    height: lies.height * view.zoom,
    transform: `translate(${view.x + lies.x * view.zoom}px, ${view.y + lies.y * view.zoom}px)`,
  };
  const magnified = looked.size ? (lies.width * view.zoom) / looked.size.width : 1;
  return (
    <div className={ready ? "viewer-picture" : "viewer-picture unseen"} style={style}>
      <img
        src={looked.src}
        alt={alt}
        draggable={false}
        className={magnified >= HARD_FROM ? "hard" : undefined}
        onLoad={looked.onLoad}
        onError={looked.onError}
      />
    </div>
  );
}
