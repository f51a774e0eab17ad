import { useQuery } from "@tanstack/react-query";
import { FileText, Film, Image } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { data, v1 } from "../api/client.ts";
import type { LibraryFile } from "./keeping.ts";

const KEPT_MS = 5 * 60_000;
/** How near to the visible part of the page a picture is fetched. */
const MARGIN = "200px";

/** A small picture of a version, whose URL is asked for once it is about to be seen; the name says the rest. */
export function Thumbnail({ of: file }: { of: LibraryFile }) {
  const [ref, seen] = useSeen();
  const picture = useQuery({
    queryKey: ["thumbnail", file.id],
    queryFn: ({ signal }) => data(v1.GET("/v1/library/{id}/thumbnail", { params: { path: { id: file.id } }, signal })),
    enabled: seen,
    // The URL is good for a day.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: KEPT_MS,
  });
  const Icon = file.pages !== undefined ? FileText : file.media_type.startsWith("video/") ? Film : Image;
  return (
    <div ref={ref} className="thumbnail">
      {picture.data ? (
        <img src={picture.data.download_url} alt="" />
      ) : (
        <Icon aria-hidden className={picture.isFetching ? "waits" : undefined} />
      )}
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
