import { useEffect, useState } from "react";

/** Into a video, for a frame that every browser shows. */
const START_SECONDS = 0.001;
const QUALITY = 0.9;

/** The URL of the first frame of a video, as a picture; undefined without a video, and where the browser cannot show it. */
export function useFirstFrame(url: string | undefined): string | undefined {
  const [found, setFound] = useState<{ of: string; picture: string }>();
  useEffect(() => {
    if (url === undefined) return;
    let made: string | undefined;
    let ended = false;
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    video.onloadeddata = () => {
      // Another one is not the first.
      video.onseeked = () => draw(video, take);
      video.currentTime = START_SECONDS;
    };
    function take(blob: Blob | null) {
      if (ended || blob === null || url === undefined) return;
      made = URL.createObjectURL(blob);
      setFound({ of: url, picture: made });
    }
    video.src = url;
    return () => {
      ended = true;
      video.removeAttribute("src");
      video.load();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [url]);
  return found && found.of === url ? found.picture : undefined;
}

function draw(video: HTMLVideoElement, take: (blob: Blob | null) => void): void {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  try {
    canvas.toBlob(take, "image/jpeg", QUALITY);
  } catch {
    // It comes from elsewhere, and that does not let pages read it.
  }
}
