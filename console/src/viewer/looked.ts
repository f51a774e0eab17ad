import { type SyntheticEvent, useState } from "react";
import type { Size } from "./view.ts";

/** A picture whose size is known once the browser has it. */
export type Looked = {
  src: string;
  size: Size | undefined;
  failed: boolean;
  /** Whether parts of it are transparent; false where the browser does not say. */
  transparent: boolean;
  onLoad: (event: SyntheticEvent<HTMLImageElement>) => void;
  onError: () => void;
};

/** A drawing without a size of its own has this one. */
const DRAWN = 512;

export function useLooked(src: string | undefined): Looked {
  const [found, setFound] = useState<{
    src?: string | undefined;
    size?: Size;
    failed?: boolean;
    transparent?: boolean;
  }>({});
  const now = found.src === src ? found : {};
  return {
    src: src ?? "",
    size: now.size,
    failed: now.failed ?? false,
    transparent: now.transparent ?? false,
    onLoad: ({ currentTarget: image }) =>
      setFound({
        src,
        size: { width: image.naturalWidth || DRAWN, height: image.naturalHeight || DRAWN },
        transparent: isTransparent(image),
      }),
    onError: () => setFound({ src, failed: true }),
  };
}

/** Sides of the small copy that is looked through, in pixels. */
const SAMPLED = 64;
const OPAQUE = 250;

function isTransparent(image: HTMLImageElement): boolean {
  const canvas = document.createElement("canvas");
  canvas.width = SAMPLED;
  canvas.height = SAMPLED;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return false;
  try {
    context.drawImage(image, 0, 0, SAMPLED, SAMPLED);
    return context.getImageData(0, 0, SAMPLED, SAMPLED).data.some((value, at) => at % 4 === 3 && value < OPAQUE);
  } catch {
    // From another host: pages may show it, not read it.
    return false;
  }
}
