import type { Choice, RunInput } from "../runs/types.ts";
import { desk } from "./desk.ts";
import { kindOf } from "./fitting.ts";

/** The notice that no mark was found without boxes. */
export const NO_MARK = "no_watermark_found";

/** Prepare the removal of marks in boxes, which are drawn on the file. */
export function drawBoxes(input: RunInput): void {
  desk.set({
    steps: [removal(input)],
    pipeline: undefined,
    source: { kind: "files", from: "results", of: "", inputs: [input] },
  });
}

function removal({ name }: RunInput): Choice {
  return { id: kindOf(name) === "pdf" ? "redraw_pdf" : "remove_watermark", settings: {} };
}
