import { type MaskSize, paint, type Stroke } from "../forms/mask.ts";

/** A stroke that erases a part of a cut-out, or restores it from the original. */
export type Touch = Stroke & { restores: boolean };

/** Draws a cut-out with touches. It draws only the new ones each time, or all of them after an undo. */
export type Retouching = {
  /** On a canvas of the size of the retouching. The last touch may still change. */
  draw: (canvas: CanvasRenderingContext2D, touches: readonly Touch[]) => void;
};

export function retouching(original: CanvasImageSource, result: CanvasImageSource, size: MaskSize): Retouching {
  const settled = canvasOf(size);
  const layer = canvasOf(size);
  let done: readonly Touch[] | undefined;

  function settle(touches: readonly Touch[]): void {
    if (!done || !beginsWith(touches, done)) {
      settled.clearRect(0, 0, size.width, size.height);
      settled.drawImage(result, 0, 0, size.width, size.height);
      done = [];
    }
    for (const touch of touches.slice(done.length)) apply(settled, layer, original, size, touch);
    done = touches;
  }

  return {
    draw(canvas, touches) {
      settle(touches.slice(0, -1));
      canvas.clearRect(0, 0, size.width, size.height);
      canvas.drawImage(settled.canvas, 0, 0);
      const last = touches.at(-1);
      if (last) apply(canvas, layer, original, size, last);
    },
  };
}

/** Whether a list begins with all of another. */
export function beginsWith<T>(list: readonly T[], beginning: readonly T[]): boolean {
  return beginning.length <= list.length && beginning.every((each, at) => each === list[at]);
}

/** The retouched cut-out as a PNG of the given size. Throws if the browser cannot make it. */
export async function retouchedPng(
  original: CanvasImageSource,
  result: CanvasImageSource,
  size: MaskSize,
  touches: readonly Touch[],
): Promise<Blob> {
  const canvas = canvasOf(size);
  retouching(original, result, size).draw(canvas, touches);
  const png = await new Promise<Blob | null>((resolve) => canvas.canvas.toBlob(resolve, "image/png"));
  if (!png) throw new Error(`${size.width} × ${size.height}`);
  return png;
}

/** `portrait-cutout.webp` as `portrait-cutout-retouched.png`. */
export function retouchedName(name: string): string {
  return `${name.replace(/\.[^.]*$/, "")}-retouched.png`;
}

function apply(
  canvas: CanvasRenderingContext2D,
  layer: CanvasRenderingContext2D,
  original: CanvasImageSource,
  size: MaskSize,
  touch: Touch,
): void {
  if (!touch.restores) {
    canvas.globalCompositeOperation = "destination-out";
    paint(canvas, size, [touch], "#000");
    canvas.globalCompositeOperation = "source-over";
    return;
  }
  layer.globalCompositeOperation = "source-over";
  layer.clearRect(0, 0, size.width, size.height);
  paint(layer, size, [touch], "#000");
  layer.globalCompositeOperation = "source-in";
  layer.drawImage(original, 0, 0, size.width, size.height);
  canvas.drawImage(layer.canvas, 0, 0);
}

function canvasOf(size: MaskSize): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error(`${size.width} × ${size.height}`);
  return context;
}
