import { Search } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTexts } from "../i18n/texts.ts";
import "../styles/forms.css";
import { Loading } from "../ui/Feedback.tsx";
import { type Chosen, useCatalogue } from "./catalogue.ts";
import type { FormEntry } from "./entries.ts";
import { found } from "./search.ts";
import { ToolCard } from "./ToolCard.tsx";

/** The most used operations, in this order. */
const FEATURED = ["remove_background", "upscale", "remove_watermark", "remove_pdf_watermark", "gpt_image_2"];

/**
 * Cards of all that can be done, by categories, with a search. `kinds`: only what takes files of these kinds (`image`, `pdf`, `svg`, `any`);
 * `among`: only the operations that this says.
 */
export function ToolPicker({
  onPick,
  kinds,
  among,
  lead,
}: {
  onPick: (chosen: Chosen) => void;
  kinds?: readonly string[] | undefined;
  among?: (chosen: Chosen) => boolean;
  /** A section before all others, while nothing is sought. */
  lead?: ReactNode;
}) {
  const t = useTexts();
  const catalogue = useCatalogue();
  const [query, setQuery] = useState("");
  const [category, setCategory] = useState("");
  if (!catalogue) return <Loading />;
  const all = catalogue.choices().filter((each) => takes(each.entry, kinds) && (among?.(each) ?? true));
  const categories = catalogue.categories.filter((each) => all.some(({ entry }) => entry.category === each.id));
  const wanted = query.trim();
  const hits = wanted ? found(wanted, all) : all;
  const sections = wanted
    ? [{ id: "found", name: t.forms.found(hits.length), cards: hits }]
    : [
        ...(category ? [] : [{ id: "featured", name: t.forms.featured, cards: featured(all) }]),
        ...categories
          .filter((each) => !category || each.id === category)
          .map((each) => ({
            id: each.id,
            name: each.name,
            cards: all.filter(({ entry }) => entry.category === each.id),
          })),
      ];
  return (
    <div className="picker">
      <search className="picker-search">
        <Search aria-hidden />
        <input
          type="search"
          className="input"
          aria-label={t.forms.searchTools}
          placeholder={t.forms.searchTools}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </search>
      {!wanted && (
        <fieldset className="picker-categories">
          <legend className="hidden-visually">{t.forms.picker}</legend>
          {[{ id: "", name: t.forms.allTools }, ...categories.map((each) => ({ id: each.id, name: each.name }))].map(
            (each) => (
              <button
                key={each.id}
                type="button"
                className="chip"
                aria-pressed={category === each.id}
                onClick={() => setCategory(each.id)}
              >
                {each.name}
              </button>
            ),
          )}
        </fieldset>
      )}
      <p className="hidden-visually" role="status">
        {wanted && t.forms.found(hits.length)}
      </p>
      {wanted && !hits.length && <p className="muted">{t.forms.noTools(wanted)}</p>}
      {!wanted && !category && lead}
      {sections
        .filter((section) => section.cards.length > 0)
        .map((section) => (
          <section key={section.id} aria-labelledby={`picker-${section.id}`}>
            <h2 id={`picker-${section.id}`}>{section.name}</h2>
            <ul className="picker-cards">
              {section.cards.map((chosen) => (
                <li key={chosen.preset?.id ?? chosen.id}>
                  <ToolCard chosen={chosen} onPick={() => onPick(chosen)} />
                </li>
              ))}
            </ul>
          </section>
        ))}
    </div>
  );
}

function featured(all: readonly Chosen[]): readonly Chosen[] {
  return FEATURED.flatMap((id) => all.filter((each) => each.id === id && !each.preset));
}

/** Whether it takes files of one of these kinds; what takes none at all suits only those who have not chosen any. */
export function takes(entry: FormEntry, kinds: readonly string[] | undefined): boolean {
  if (!kinds?.length) return true;
  return entry.inputs.kinds.some((kind) => kind === "any" || kinds.includes(kind));
}
