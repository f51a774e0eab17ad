import { useQuery } from "@tanstack/react-query";
import { FileText, Image } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { body, snapotter } from "../api/client.ts";
import type { LibraryFile } from "./keeping.ts";

const KEPT_MS = 5 * 60_000;
/** How near to the visible part of the page a picture is fetched. */
const MARGIN = "200px";

/** A small picture of a version. An `<img>` cannot send the token, so it is fetched, once it is about to be seen; the name says the rest. */
export function Thumbnail({ of: file }: { of: LibraryFile }) {
  const [ref, seen] = useSeen();
  const picture = useQuery({
    queryKey: ["thumbnail", file.id],
    queryFn: ({ signal }) =>
      body<Blob>(
        snapotter.GET("/api/v1/files/{id}/thumbnail", {
          params: { path: { id: file.id } },
          parseAs: "blob",
          signal,
        }),
      ),
    enabled: seen,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: KEPT_MS,
  });
  const url = useObjectUrl(picture.data);
  const Icon = file.pages === undefined ? Image : FileText;
  return (
    <div ref={ref} className="thumbnail">
      {url ? <img src={url} alt="" /> : <Icon aria-hidden className={picture.isFetching ? "waits" : undefined} />}
    </div>
  );
}

function useSeen() {
  const ref = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (!ref.current || seen) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true),
      { rootMargin: MARGIN },
    );
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [seen]);
  return [ref, seen] as const;
}

/** A URL of this page for a picture, while it is displayed. */
function useObjectUrl(blob: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl(undefined);
    };
  }, [blob]);
  return url;
}
