import type { components } from "../../../generated/v1.ts";

type Schemas = components["schemas"];
export type System = Schemas["SystemResult"];
export type Part = Schemas["SystemPart"];
export type Need = Schemas["SystemNeed"];
export type Lane = Schemas["SystemLane"];
export type Worker = Schemas["SystemWorker"];
export type Model = Schemas["SystemModel"];
export type Disk = Schemas["SystemDisk"];
export type State = Part["state"] | Worker["state"];

/** Something that somebody has to look at. */
export type Trouble =
  | { what: "part" | "worker"; name: string; state: State }
  | { what: "full" | "unserved"; name: string };

/** The problems, the worst first; empty if all is well. */
export function troublesOf({ parts, disks, lanes, workers }: System): Trouble[] {
  return [
    ...parts
      .filter(({ state }) => state === "failing" || state === "unreachable")
      .map(({ name, state }) => ({ what: "part" as const, name, state })),
    ...disks.filter(({ full }) => full).map(({ part }) => ({ what: "full" as const, name: part })),
    ...lanes.filter(isUnserved).map(({ name }) => ({ what: "unserved" as const, name })),
    ...workers
      .filter(({ state }) => state === "failing" || state === "silent")
      .map(({ name, state }) => ({ what: "worker" as const, name, state })),
  ];
}

/** Whether tasks wait in a lane that no worker serves. */
export function isUnserved(lane: Lane): boolean {
  return lane.slots === 0 && lane.waiting > 0;
}

/** Each disk once: services on one machine look at the same one. */
export function distinct(disks: readonly Disk[]): { disk: Disk; parts: string[] }[] {
  const found: { disk: Disk; parts: string[] }[] = [];
  for (const disk of disks) {
    // Free space may have changed a little between two readings of the same disk.
    const same = found.find(
      ({ disk: other }) => other.total === disk.total && Math.abs(other.free - disk.free) < disk.total / 1000,
    );
    if (same) same.parts.push(disk.part);
    else found.push({ disk, parts: [disk.part] });
  }
  return found;
}
