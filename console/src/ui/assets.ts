/** Files of `public/`, at the path below which the edge serves the console's files. */
export function asset(name: string): string {
  return `${import.meta.env.BASE_URL}${name}`;
}

export const icon = asset("icon.svg");
