import type { Spot } from "./boxes.ts";

/** A stroke of the brush: its width in shares of the picture's longer side, its way in shares of both sides. */
export type Stroke = { width: number; way: readonly Spot[] };

/** Pixels. */
const DAB = 0.1;
/** Pixels of the longer side of a mask; the server stretches it to the picture. */
const LONGEST = 2048;

export type MaskSize = { width: number; height: number };

export function maskSize(width: number, height: number): MaskSize {
  const share = Math.min(1, LONGEST / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) };
}

/** Draw strokes at their place on a picture of this size. */
export function paint(
  canvas: CanvasRenderingContext2D,
  size: MaskSize,
  strokes: readonly Stroke[],
  colour: string,
): void {
  const longer = Math.max(size.width, size.height);
  canvas.strokeStyle = colour;
  canvas.lineCap = "round";
  canvas.lineJoin = "round";
  for (const stroke of strokes) {
    const [first, ...rest] = stroke.way;
    if (!first) continue;
    canvas.lineWidth = Math.max(1, stroke.width * longer);
    canvas.beginPath();
    canvas.moveTo(first.x * size.width, first.y * size.height);
    // A dab is a line of almost no length: browsers leave out one of none.
    if (!rest.length) canvas.lineTo(first.x * size.width + DAB, first.y * size.height);
    for (const spot of rest) canvas.lineTo(spot.x * size.width, spot.y * size.height);
    canvas.stroke();
  }
}

/** The mask as a PNG, white where it was painted and black elsewhere, and how much of it is white; undefined without strokes. */
export async function maskOf(
  size: MaskSize,
  strokes: readonly Stroke[],
): Promise<{ png: Blob; share: number } | undefined> {
  if (!strokes.length) return undefined;
  const canvas = document.createElement("canvas");
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return undefined;
  context.fillStyle = "#000";
  context.fillRect(0, 0, size.width, size.height);
  paint(context, size, strokes, "#fff");
  const share = whiteShare(context.getImageData(0, 0, size.width, size.height).data);
  const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  return png ? { png, share } : undefined;
}

/** How many of some pixels (RGBA) are light; every 16th is looked at. */
export function whiteShare(pixels: Uint8ClampedArray): number {
  let [white, all] = [0, 0];
  for (let at = 0; at < pixels.length; at += 64) {
    all += 1;
    if ((pixels[at] ?? 0) >= 128) white += 1;
  }
  return all ? white / all : 0;
}
