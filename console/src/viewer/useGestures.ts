import { type PointerEvent, type RefObject, useEffect, useRef } from "react";
import type { Zoom } from "./useZoom.ts";
import { type Point, wheelTimes } from "./view.ts";

/** Turns of the wheel that follow each other faster than this are one movement. */
const SCROLLING_MS = 400;

export type Gestures = {
  onPointerDown: (event: PointerEvent<HTMLElement>) => void;
  onPointerMove: (event: PointerEvent<HTMLElement>) => void;
  onPointerUp: (event: PointerEvent<HTMLElement>) => void;
  onPointerCancel: (event: PointerEvent<HTMLElement>) => void;
};

/** One pointer drags, two pinch, the wheel zooms. `grab` gets the start of a drag, and returns what each further point does. */
export function useGestures(
  frame: RefObject<HTMLElement | null>,
  zoom: Zoom,
  grab: (at: Point) => (to: Point, from: Point) => void,
): Gestures {
  const pointers = useRef(new Map<number, Point>());
  const drag = useRef<(to: Point, from: Point) => void>(undefined);
  const latest = useRef(zoom);
  latest.current = zoom;

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    let scrolled = 0;
    // React listens to the wheel passively, so that the page would scroll as well.
    const turn = (event: WheelEvent) => {
      const { view, whole, most, zoomBy } = latest.current;
      const times = wheelTimes(event.deltaY, event.deltaMode);
      const nothing = times < 1 ? view.zoom <= whole : view.zoom >= most;
      // Scrolling the page continues above a picture, and past one that is shown whole.
      const scrolls = !event.ctrlKey && (nothing || event.timeStamp - scrolled < SCROLLING_MS);
      if (scrolls) scrolled = event.timeStamp;
      else {
        event.preventDefault();
        zoomBy(times, spot(event, element));
      }
    };
    const elsewhere = (event: WheelEvent) => {
      if (event.target instanceof Node && !element.contains(event.target)) scrolled = event.timeStamp;
    };
    window.addEventListener("wheel", elsewhere, { passive: true });
    element.addEventListener("wheel", turn, { passive: false });
    return () => {
      window.removeEventListener("wheel", elsewhere);
      element.removeEventListener("wheel", turn);
    };
  }, [frame]);

  return {
    onPointerDown(event) {
      if (event.pointerType === "mouse" && event.button !== 0) return;
      const at = spot(event, event.currentTarget);
      event.currentTarget.setPointerCapture(event.pointerId);
      pointers.current.set(event.pointerId, at);
      drag.current = pointers.current.size === 1 ? grab(at) : undefined;
    },
    onPointerMove(event) {
      const from = pointers.current.get(event.pointerId);
      if (!from) return;
      const to = spot(event, event.currentTarget);
      const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
      pointers.current.set(event.pointerId, to);
      if (!other) drag.current?.(to, from);
      else {
        const { zoomBy, pan } = latest.current;
        const [before, after] = [distance(from, other), distance(to, other)];
        pan((to.x - from.x) / 2, (to.y - from.y) / 2);
        if (before > 0) zoomBy(after / before, { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 });
      }
    },
    onPointerUp: (event) => release(event),
    onPointerCancel: (event) => release(event),
  };

  function release(event: PointerEvent) {
    pointers.current.delete(event.pointerId);
    drag.current = undefined;
  }
}

function spot(event: { clientX: number; clientY: number }, element: Element): Point {
  const frame = element.getBoundingClientRect();
  return { x: event.clientX - frame.left, y: event.clientY - frame.top };
}

function distance(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
