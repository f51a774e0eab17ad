import { Maximize, SquareDashed, ZoomIn, ZoomOut } from "lucide-react";
import { type ReactNode, useId } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import type { Zoom } from "./useZoom.ts";
import { nextZoom } from "./view.ts";

const MODES = ["slider", "side", "only"] as const;
export type Mode = (typeof MODES)[number];

/** How two pictures are compared, and how near. */
export function CompareBar({
  modes,
  onMode,
  zoom,
  scale,
  outlining,
  onOutlining,
  actions,
}: {
  /** The mode; undefined where there is nothing to compare with. */
  modes: Mode | undefined;
  onMode: (mode: Mode) => void;
  zoom: Zoom;
  scale: number;
  /** Whether places are outlined; undefined where there are none. */
  outlining: boolean | undefined;
  onOutlining: (outlining: boolean) => void;
  actions: ReactNode;
}) {
  const t = useTexts().viewer;
  const { percent } = useFormats();
  const id = useId();
  const step = (direction: 1 | -1) => zoom.zoomTo(nextZoom(zoom.view.zoom, direction, scale));
  return (
    <div className="viewer-bar">
      {modes && (
        <fieldset className="segments">
          <legend className="hidden-visually">{t.mode}</legend>
          {MODES.map((mode) => (
            <label key={mode}>
              <input
                type="radio"
                className="hidden-visually"
                name={id}
                checked={mode === modes}
                onChange={() => onMode(mode)}
              />
              <span>{t[mode]}</span>
            </label>
          ))}
        </fieldset>
      )}
      <div className="viewer-zoom">
        <IconButton
          small
          look="quiet"
          label={t.zoomOut}
          disabled={zoom.view.zoom <= zoom.least}
          onClick={() => step(-1)}
        >
          <ZoomOut />
        </IconButton>
        <Button
          small
          look="quiet"
          title={t.full}
          aria-label={`${t.zoom(percent(zoom.view.zoom * scale))}. ${t.full}`}
          onClick={() => zoom.zoomTo(1 / scale)}
        >
          {percent(zoom.view.zoom * scale)}
        </Button>
        <IconButton small look="quiet" label={t.zoomIn} disabled={zoom.view.zoom >= zoom.most} onClick={() => step(1)}>
          <ZoomIn />
        </IconButton>
        <Button small look="quiet" aria-pressed={zoom.fitted} onClick={zoom.fit}>
          <Maximize aria-hidden />
          {t.fit}
        </Button>
      </div>
      {outlining !== undefined && (
        <Button small look="quiet" aria-pressed={outlining} onClick={() => onOutlining(!outlining)}>
          <SquareDashed aria-hidden />
          {t.places}
        </Button>
      )}
      {actions && <div className="viewer-actions">{actions}</div>}
    </div>
  );
}
