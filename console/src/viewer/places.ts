import type { components } from "../../generated/v1.ts";
import type { Box } from "../forms/boxes.ts";

type TaskNotice = components["schemas"]["TaskNotice"];

/** The places that notices are about, in per cent of the picture that went in. */
export function placesOf(notices: readonly Pick<TaskNotice, "boxes">[]): Box[] {
  return notices.flatMap(({ boxes }) => (boxes ?? []).filter(isBox));
}

function isBox(value: unknown): value is Box {
  if (typeof value !== "object" || value === null) return false;
  const sides: Partial<Record<string, unknown>> = { ...value };
  return ["x1", "y1", "x2", "y2"].every((side) => typeof sides[side] === "number");
}
