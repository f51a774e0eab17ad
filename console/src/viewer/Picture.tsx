import { ImageOff } from "lucide-react";
import { useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import "../styles/viewer.css";

/** A small picture; what cannot be shown has a sign in its place. */
export function Picture({ src, alt, className }: { src: string | undefined; alt: string; className?: string }) {
  const t = useTexts();
  const [known, setKnown] = useState<{ src: string | undefined; state: "shown" | "failed" }>();
  const state = src ? (known?.src === src ? known?.state : "waiting") : "failed";
  return (
    <span className={["picture", state, className].filter(Boolean).join(" ")}>
      {state === "failed" ? (
        <span role="img" aria-label={`${alt}: ${t.viewer.failed}`} title={src ? t.viewer.failed : undefined}>
          <ImageOff aria-hidden />
        </span>
      ) : (
        <img
          src={src}
          alt={alt}
          loading="lazy"
          decoding="async"
          onLoad={() => setKnown({ src, state: "shown" })}
          onError={() => setKnown({ src, state: "failed" })}
        />
      )}
    </span>
  );
}
