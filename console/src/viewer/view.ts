export type Size = { width: number; height: number };
export type Point = { x: number; y: number };
/** How a picture lies in its frame: pixels of the frame for one of the picture, and where its upper left corner is. */
export type View = { zoom: number; x: number; y: number };

const LEAST = 0.25;
const MOST = 8;
const STEPS = [0.05, 0.1, 0.25, 0.33, 0.5, 0.67, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64] as const;
/** A picture is drawn with hard pixels from here on, where looking at single ones is what the zoom is for. */
export const HARD_FROM = 2;
/** Shapes that differ by less than this are the same, rounded to whole pixels. */
const SAME_SHAPE = 0.02;

/** The zoom at which all of a picture is in its frame; not larger than `most`, which is where it shows all that it has. */
export function fitZoom(frame: Size, picture: Size, most = 1): number {
  if (!frame.width || !frame.height || !picture.width || !picture.height) return 1;
  return Math.min(frame.width / picture.width, frame.height / picture.height, Math.max(1, most));
}

/**
 * The least and the most zoom. `detail`: how many pixels the finest picture has for one of the extent; `scale`: how large a pixel of the
 * picture that is measured by is at zoom 1.
 */
export function zoomRange(frame: Size, picture: Size, detail = 1, scale = 1): { least: number; most: number } {
  // The pixels of the finest can always be distinguished.
  return { least: Math.min(LEAST, fitZoom(frame, picture, detail)), most: Math.max(MOST / scale, HARD_FROM * detail) };
}

/** In the middle of the frame. */
export function centred(frame: Size, picture: Size, zoom: number): View {
  return { zoom, x: (frame.width - picture.width * zoom) / 2, y: (frame.height - picture.height * zoom) / 2 };
}

/** A view whose picture leaves no gap on one side while it is cut off on the other; smaller than its frame, it is in the middle. */
export function held(view: View, frame: Size, picture: Size): View {
  return {
    zoom: view.zoom,
    x: within(view.x, frame.width, picture.width * view.zoom),
    y: within(view.y, frame.height, picture.height * view.zoom),
  };
}

function within(at: number, frame: number, picture: number): number {
  if (picture <= frame) return (frame - picture) / 2;
  return Math.min(0, Math.max(frame - picture, at));
}

/** A view with another zoom, in which the same pixel is at `point`. */
export function zoomedAt(view: View, point: Point, zoom: number): View {
  const share = zoom / view.zoom;
  return { zoom, x: point.x - (point.x - view.x) * share, y: point.y - (point.y - view.y) * share };
}

export function panned(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x + dx, y: view.y + dy };
}

/** Whether a part of the picture is not in the frame. */
export function overflows(view: View, frame: Size, picture: Size): boolean {
  const spare = 0.5;
  return picture.width * view.zoom > frame.width + spare || picture.height * view.zoom > frame.height + spare;
}

/** The next zoom that a button goes to; `scale` is how large a pixel of the shown picture is at zoom 1. */
export function nextZoom(zoom: number, direction: 1 | -1, scale = 1): number {
  const shown = zoom * scale;
  const found =
    direction > 0 ? STEPS.find((step) => step > shown * 1.01) : STEPS.findLast((step) => step < shown * 0.99);
  return (found ?? shown) / scale;
}

/** How many times as near a turn of the wheel comes. */
export function wheelTimes(delta: number, unit: number): number {
  const pixels = unit === 1 ? delta * 16 : unit === 2 ? delta * 100 : delta;
  return Math.exp(-Math.min(200, Math.max(-200, pixels)) / 400);
}

/** Where the result lies in the extent of the original: all over it if it has the same shape, or else as large as it fits. */
export function placed(original: Size, result: Size): Point & Size & { alike: boolean } {
  const shape = result.width / result.height / (original.width / original.height);
  if (Math.abs(shape - 1) < SAME_SHAPE) return { x: 0, y: 0, ...original, alike: true };
  const share = Math.min(original.width / result.width, original.height / result.height);
  const [width, height] = [result.width * share, result.height * share];
  return { x: (original.width - width) / 2, y: (original.height - height) / 2, width, height, alike: false };
}
