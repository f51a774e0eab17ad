import { createContext, useContext } from "react";
import { en, type Texts } from "./en/index.ts";

export type { Texts } from "./en/index.ts";
export type Language = "en" | "zh";

export const LANGUAGES: Record<Language, string> = { en: "English", zh: "中文" };
const KEPT = "darkroom.language";

/** The one that was chosen here, or else the browser's. */
export function preferred(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.languages.some((tag) => tag.toLowerCase().startsWith("zh")) &&
    !navigator.languages[0]?.toLowerCase().startsWith("en")
    ? "zh"
    : "en";
}

export function keep(language: Language): void {
  localStorage.setItem(KEPT, language);
}

/** Only the language that is shown is loaded. */
export async function load(language: Language): Promise<Texts> {
  return language === "zh" ? (await import("./zh/index.ts")).zh : en;
}

export const TextsContext = createContext<{ texts: Texts; language: Language; choose: (language: Language) => void }>({
  texts: en,
  language: "en",
  choose: () => {},
});

/** `const t = useTexts()`; `t.tasks.title`. */
export function useTexts(): Texts {
  return useContext(TextsContext).texts;
}

export function useLanguage(): Language {
  return useContext(TextsContext).language;
}
