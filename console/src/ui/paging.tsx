import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "./Button.tsx";
import { ErrorNote } from "./Feedback.tsx";

export type PageOf<Item> = { items?: readonly Item[]; next_page_token?: string };

/** A list that comes in pages, of which each names the next one by a token. `data` is undefined until the first one is there. */
export function usePages<Item>(
  key: QueryKey,
  load: (token: string | undefined) => Promise<PageOf<Item>>,
  options: { refetchInterval?: (items: readonly Item[]) => number | false; enabled?: boolean } = {},
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_page_token,
    enabled: options.enabled,
    refetchInterval: ({ state }) => options.refetchInterval?.(state.data?.pages.flatMap(itemsOf) ?? []) ?? false,
  });
  const data = useMemo(() => query.data?.pages.flatMap(itemsOf), [query.data]);
  return {
    data,
    error: query.error,
    refetch: query.refetch,
    hasMore: query.hasNextPage,
    loadsMore: query.isFetchingNextPage,
    more: () => void query.fetchNextPage(),
  };
}

function itemsOf<Item>(page: PageOf<Item>): readonly Item[] {
  return page.items ?? [];
}

/** The button below a list that has another page. */
export function More({ pages }: { pages: { hasMore: boolean; loadsMore: boolean; more: () => void; error: unknown } }) {
  const t = useTexts();
  if (!pages.hasMore) return null;
  return (
    <div className="more">
      {pages.error ? <ErrorNote error={pages.error} /> : null}
      <Button onClick={pages.more} disabled={pages.loadsMore}>
        {pages.loadsMore ? t.common.loading : t.common.more}
      </Button>
    </div>
  );
}
