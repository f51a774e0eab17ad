import { type SyntheticEvent, useState } from "react";
import type { Size } from "./view.ts";

/** A picture whose size is known once the browser has it. */
export type Looked = {
  src: string;
  size: Size | undefined;
  failed: boolean;
  onLoad: (event: SyntheticEvent<HTMLImageElement>) => void;
  onError: () => void;
};

/** A drawing without a size of its own has this one. */
const DRAWN = 512;

export function useLooked(src: string | undefined): Looked {
  const [found, setFound] = useState<{ src?: string | undefined; size?: Size; failed?: boolean }>({});
  const now = found.src === src ? found : {};
  return {
    src: src ?? "",
    size: now.size,
    failed: now.failed ?? false,
    onLoad: ({ currentTarget: { naturalWidth, naturalHeight } }) =>
      setFound({ src, size: { width: naturalWidth || DRAWN, height: naturalHeight || DRAWN } }),
    onError: () => setFound({ src, failed: true }),
  };
}
