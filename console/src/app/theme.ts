export type Theme = "system" | "light" | "dark";

const KEPT = "darkroom.theme";
const DARK = window.matchMedia("(prefers-color-scheme: dark)");

export function keptTheme(): Theme {
  const kept = localStorage.getItem(KEPT);
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** Show the page in these colours, now and from now on. */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(KEPT, theme);
  const dark = theme === "dark" || (theme === "system" && DARK.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

DARK.addEventListener("change", () => applyTheme(keptTheme()));
