import type { Choice } from "../runs/types.ts";

/** Operations that go together, for what people often need. Their names are in `studio.recipes` of the texts. */
export const RECIPES = {
  marketplace: [
    { id: "remove_background", settings: { trim: true, background_color: "#ffffff", effects: { shadow: 35 } } },
    { id: "pad", settings: { horizontal_percent: 6, vertical_percent: 6, color: "#ffffff" } },
    { id: "resize", settings: { width: 2000, height: 2000, fit: "FIT_CANVAS", background: "#ffffff" } },
    { id: "convert", settings: { format: "PICTURE_FORMAT_JPEG", quality: 90, strip_metadata: true } },
  ],
  logo: [
    { id: "fix_transparency", settings: {} },
    { id: "trim_edges", settings: {} },
    { id: "convert", settings: { format: "PICTURE_FORMAT_PNG" } },
  ],
  passport: [{ id: "passport_photo", settings: { country_code: "EU", print_layout: "PRINT_LAYOUT_A4" } }],
  web: [
    { id: "resize", settings: { width: 1600, height: 1600, without_enlargement: true } },
    { id: "convert", settings: { format: "PICTURE_FORMAT_WEBP", quality: 80, strip_metadata: true } },
  ],
  old: [
    { id: "restore_photo", settings: {} },
    { id: "enhance_picture", settings: {} },
    { id: "upscale", settings: { factor: 2 } },
  ],
} as const satisfies Readonly<Record<string, readonly Choice[]>>;

export type Recipe = keyof typeof RECIPES;

/** Its operations, to be changed at will. */
export function stepsOfRecipe(recipe: Recipe): Choice[] {
  return RECIPES[recipe].map(({ id, settings }) => ({ id, settings: structuredClone(settings) }));
}
