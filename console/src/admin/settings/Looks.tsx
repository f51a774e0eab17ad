import { useContext, useState } from "react";
import { applyTheme, keptTheme, type Theme } from "../../app/theme.ts";
import { LANGUAGES, type Language, TextsContext, useTexts } from "../../i18n/texts.ts";
import { SelectField } from "../../ui/Field.tsx";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** The settings of this browser: language and colours. */
export function Looks() {
  const t = useTexts();
  const { language, choose } = useContext(TextsContext);
  const [theme, setTheme] = useState(keptTheme);
  const languages = Object.keys(LANGUAGES) as Language[];
  return (
    <section className="card stacked" aria-labelledby="looks">
      <h2 id="looks">{t.settings.looks}</h2>
      <p className="muted">{t.settings.looksWhat}</p>
      <div className="grid-form">
        <SelectField
          label={t.language.label}
          value={language}
          onChange={({ target }) => choose(target.value === "zh" ? "zh" : "en")}
          options={languages.map((value) => ({ value, label: LANGUAGES[value] }))}
        />
        <SelectField
          label={t.theme.label}
          value={theme}
          onChange={({ target }) => {
            const chosen = THEMES.find((one) => one === target.value) ?? "system";
            applyTheme(chosen);
            setTheme(chosen);
          }}
          options={THEMES.map((value) => ({ value, label: t.theme[value] }))}
        />
      </div>
    </section>
  );
}
