import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { keep, type Language, load, preferred, type Texts, TextsContext } from "./texts.ts";

/** Gives the page its texts; nothing is shown until they are there. */
export function Translated({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(preferred);
  const [texts, setTexts] = useState<Texts>();
  useEffect(() => {
    let wanted = true;
    void load(language).then((loaded) => wanted && setTexts(loaded));
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    return () => {
      wanted = false;
    };
  }, [language]);
  const choose = useCallback((chosen: Language) => {
    keep(chosen);
    setLanguage(chosen);
  }, []);
  const value = useMemo(() => texts && { texts, language, choose }, [texts, language, choose]);
  return value && <TextsContext.Provider value={value}>{children}</TextsContext.Provider>;
}
