import type { ReactNode } from "react";
import { ErrorNote, Loading } from "./Feedback.tsx";

type Query<Data> = { data: Data | undefined; error: unknown; refetch: () => Promise<unknown> };

/** The data of a query. Earlier data stay when it fails, below the error. */
export function Loaded<Data>({ query, children }: { query: Query<Data>; children: (data: Data) => ReactNode }) {
  const failed = query.error ? <ErrorNote error={query.error} onRetry={() => void query.refetch()} /> : null;
  if (query.data === undefined) return failed ?? <Loading />;
  return (
    <>
      {failed}
      {children(query.data)}
    </>
  );
}
