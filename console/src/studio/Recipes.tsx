import { useId } from "react";
import { useCatalogue } from "../forms/catalogue.ts";
import { useNames } from "../forms/names.ts";
import { ToolPicture } from "../forms/ToolCard.tsx";
import { useTexts } from "../i18n/texts.ts";
import { desk } from "./desk.ts";
import { RECIPES, type Recipe, stepsOfRecipe } from "./recipes.ts";

/** Cards of the recipes; one that is picked is run like a pipeline. */
export function Recipes() {
  const t = useTexts();
  const heading = useId();
  return (
    <section aria-labelledby={heading}>
      <h2 id={heading}>{t.studio.recipesTitle}</h2>
      <ul className="picker-cards">
        {(Object.keys(RECIPES) as Recipe[]).map((recipe) => (
          <li key={recipe}>
            <RecipeCard recipe={recipe} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function RecipeCard({ recipe }: { recipe: Recipe }) {
  const t = useTexts();
  const names = useNames();
  const catalogue = useCatalogue();
  const { name, summary } = t.studio.recipes[recipe];
  const steps = stepsOfRecipe(recipe);
  const [first] = steps;
  return (
    <button
      type="button"
      className="tool-card"
      title={steps.map(({ id }) => names.of(id)).join(" → ")}
      onClick={() => desk.set({ steps, pipeline: name, runId: undefined })}
    >
      {first && <ToolPicture id={first.id} category={catalogue?.entry(first.id)?.category ?? ""} />}
      <span className="tool-card-text">
        <b>{name}</b>
        <span className="muted">{summary}</span>
      </span>
    </button>
  );
}
