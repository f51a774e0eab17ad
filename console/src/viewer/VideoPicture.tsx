/** A small picture of a video: its first frame. */
export function VideoPicture({ src, onError }: { src: string; onError?: () => void }) {
  // Without the time, some browsers show nothing before it is played.
  return (
    <video src={`${src}#t=0.001`} muted playsInline preload="metadata" tabIndex={-1} aria-hidden onError={onError} />
  );
}
