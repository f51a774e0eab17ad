/** A rectangle in a picture, in per cent of its width and height. */
export type Box = { x1: number; y1: number; x2: number; y2: number };
export type Spot = { x: number; y: number };
export type Corner = "nw" | "ne" | "sw" | "se";

/** Per cent; a smaller box is a slip of the finger. */
export const LEAST_SIDE = 0.5;

/** The box between two points, within the picture. */
export function between(one: Spot, other: Spot): Box {
  return tidy({ x1: one.x, y1: one.y, x2: other.x, y2: other.y });
}

/** A box within the picture, its sides in order, its numbers to a hundredth. */
export function tidy(box: Box): Box {
  const [x1, x2] = ordered(box.x1, box.x2);
  const [y1, y2] = ordered(box.y1, box.y2);
  return { x1, y1, x2, y2 };
}

/** Whether it is large enough to be meant. */
export function meant(box: Box): boolean {
  return box.x2 - box.x1 >= LEAST_SIDE && box.y2 - box.y1 >= LEAST_SIDE;
}

/** A box moved as far as the picture goes; its size stays. */
export function moved(box: Box, dx: number, dy: number): Box {
  const x = Math.min(Math.max(dx, -box.x1), 100 - box.x2);
  const y = Math.min(Math.max(dy, -box.y1), 100 - box.y2);
  return tidy({ x1: box.x1 + x, y1: box.y1 + y, x2: box.x2 + x, y2: box.y2 + y });
}

/** A box whose lower right corner is moved; it stays in the picture, and as large as `LEAST_SIDE`. */
export function grown(box: Box, dx: number, dy: number): Box {
  return tidy({
    ...box,
    x2: Math.min(100, Math.max(box.x1 + LEAST_SIDE, box.x2 + dx)),
    y2: Math.min(100, Math.max(box.y1 + LEAST_SIDE, box.y2 + dy)),
  });
}

/** The corner that stays where it is while another is dragged. */
export function opposite(box: Box, corner: Corner): Spot {
  return { x: corner.endsWith("w") ? box.x2 : box.x1, y: corner.startsWith("n") ? box.y2 : box.y1 };
}

function ordered(one: number, other: number): [number, number] {
  const kept = [one, other].map((value) => Math.round(Math.min(100, Math.max(0, value)) * 100) / 100);
  return [Math.min(...kept), Math.max(...kept)];
}
