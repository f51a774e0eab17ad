import type { FormEntry } from "../forms/entries.ts";
import type { RunInput } from "../runs/types.ts";

export type Kind = "image" | "video" | "pdf" | "svg" | "other";

const IMAGES = new Set(
  (
    "jpg jpeg jfif png webp gif avif heic heif tif tiff bmp ico jxl psd exr hdr tga qoi jp2 ppm pgm pbm pnm " +
    "dng cr2 cr3 nef arw orf rw2 raf pef srw svg"
  )
    .trim()
    .split(" "),
);
const VIDEOS = new Set(["mp4", "m4v", "webm", "mov"]);

/** The type of a file, by its name. The server checks its bytes; this only avoids a refusal. */
export function kindOf(name: string): Kind {
  const extension = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  if (extension === "pdf") return "pdf";
  if (extension === "svg") return "svg";
  if (VIDEOS.has(extension)) return "video";
  return IMAGES.has(extension) ? "image" : "other";
}

/** Whether a file may be an animation, by its name. Other types rarely are. */
export function isGif(name: string): boolean {
  return name.toLowerCase().endsWith(".gif");
}

/** Whether an entry works on a file of this name. A drawing counts as a picture. */
export function fits(entry: FormEntry, name: string): boolean {
  const kind = kindOf(name);
  return entry.inputs.kinds.some((taken) => taken === "any" || taken === kind || (taken === "image" && kind === "svg"));
}

/** The first of several steps, with the kinds that all of them take: a video needs each to work on every frame. */
export function ofSteps(first: FormEntry, steps: readonly (FormEntry | undefined)[]): FormEntry {
  return stillStep(steps) ? stillOnly(first) : first;
}

/** The first step that does not take videos. */
export function stillStep(steps: readonly (FormEntry | undefined)[]): FormEntry | undefined {
  return steps.find((entry) => entry !== undefined && !entry.inputs.kinds.includes("video"));
}

function stillOnly(entry: FormEntry): FormEntry {
  const kinds = entry.inputs.kinds.filter((kind) => kind !== "video");
  const takes = entry.takes?.filter((type) => !type.startsWith("video/"));
  return { ...entry, inputs: { ...entry.inputs, kinds }, ...(takes && { takes }) };
}

/** Whether all files become one result. */
export function together(entry: FormEntry): boolean {
  return entry.inputs.max !== 1;
}

export type Problem = { kind: "none fit" } | { kind: "too few"; min: number } | { kind: "too many"; max: number };

/** The inputs that an entry works on, those that it does not take, and why it cannot be run. */
export function fitting(
  entry: FormEntry,
  inputs: readonly RunInput[],
): { fit: RunInput[]; unfit: RunInput[]; problem?: Problem } {
  if (entry.inputs.max === 0) return { fit: [], unfit: [] };
  const fit = inputs.filter((input) => fits(entry, input.name));
  const unfit = inputs.filter((input) => !fits(entry, input.name));
  const { min, max } = entry.inputs;
  if (!fit.length && min > 0)
    return { fit, unfit, problem: inputs.length ? { kind: "none fit" } : { kind: "too few", min } };
  if (together(entry) && fit.length < min) return { fit, unfit, problem: { kind: "too few", min } };
  if (together(entry) && fit.length > max) return { fit, unfit, problem: { kind: "too many", max } };
  return { fit, unfit };
}
