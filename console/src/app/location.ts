import { useSyncExternalStore } from "react";

/**
 * Where a person is, in the fragment of the address, such as `#/tasks?state=failed`: the server sees neither path nor query. (wouter's own
 * hook puts the query before the fragment.)
 */
function read(): { path: string; search: string } {
  const [path = "", search = ""] = location.hash.replace(/^#?\/?/, "/").split("?", 2);
  return { path, search };
}

function watch(changed: () => void): () => void {
  window.addEventListener("hashchange", changed);
  return () => window.removeEventListener("hashchange", changed);
}

export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  const before = location.href;
  const url = `${location.pathname}#/${to.replace(/^\//, "")}`;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  // A browser only announces its own changes.
  window.dispatchEvent(new HashChangeEvent("hashchange", { oldURL: before, newURL: location.href }));
}

/** For `<Router hook>`. */
export function useFragment(): [string, typeof navigate] {
  return [useSyncExternalStore(watch, () => read().path), navigate];
}

/** For `<Router searchHook>`. */
export function useFragmentSearch(): string {
  return useSyncExternalStore(watch, () => read().search);
}

/** For `<Router hrefs>`: what links show. */
export function fragmentHref(href: string): string {
  return `#${href}`;
}
