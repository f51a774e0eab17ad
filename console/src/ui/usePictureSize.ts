import { useEffect, useState } from "react";

export type PictureSize = { width: number; height: number };

/** The size of a picture in pixels, once the browser has read its header. */
export function usePictureSize(url: string | undefined): PictureSize | undefined {
  const [found, setFound] = useState<{ url: string; size: PictureSize }>();
  useEffect(() => {
    if (!url) return;
    const picture = new Image();
    picture.onload = () => setFound({ url, size: { width: picture.naturalWidth, height: picture.naturalHeight } });
    picture.src = url;
    return () => {
      picture.onload = null;
    };
  }, [url]);
  return found && found.url === url && found.size.width > 0 ? found.size : undefined;
}
