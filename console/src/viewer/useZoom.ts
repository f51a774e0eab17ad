import { type RefObject, useEffect, useState } from "react";
import { centred, fitZoom, held, type Point, panned, type Size, type View, zoomedAt, zoomRange } from "./view.ts";

export type Zoom = {
  view: View;
  /** Whether the view follows the frame. */
  fitted: boolean;
  /** The zoom at which all of the picture is in the frame. */
  whole: number;
  least: number;
  most: number;
  /** At a point of the frame; without, at its middle. */
  zoomTo: (zoom: number, at?: Point) => void;
  /** The zoom factor of an event; events that come before the page is drawn again add up. */
  zoomBy: (times: number, at?: Point) => void;
  pan: (dx: number, dy: number) => void;
  fit: () => void;
};

/** The view of a picture of this extent in this frame. All of it is shown until somebody zooms. */
export function useZoom(frame: Size, extent: Size, detail: number, scale: number): Zoom {
  const [asked, setAsked] = useState<View>();
  const { least, most } = zoomRange(frame, extent, detail, scale);
  const fitting = centred(frame, extent, fitZoom(frame, extent, detail));
  const view = asked ? held(asked, frame, extent) : fitting;
  const change = (how: (before: View) => View) =>
    setAsked((before) => held(how(before ? held(before, frame, extent) : fitting), frame, extent));
  const middle = { x: frame.width / 2, y: frame.height / 2 };
  const within = (zoom: number) => Math.min(most, Math.max(least, zoom));
  return {
    view,
    fitted: !asked,
    whole: fitting.zoom,
    least,
    most,
    zoomTo: (zoom, at = middle) => change((before) => zoomedAt(before, at, within(zoom))),
    zoomBy: (times, at = middle) => change((before) => zoomedAt(before, at, within(before.zoom * times))),
    pan: (dx, dy) => change((before) => panned(before, dx, dy)),
    fit: () => setAsked(undefined),
  };
}

/** The size of an element, as it changes. */
export function useSize(ref: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}
