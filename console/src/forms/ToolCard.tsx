import {
  Crop,
  Droplets,
  FileCog,
  FileText,
  Layers,
  type LucideIcon,
  Palette,
  ScanSearch,
  Sparkles,
  UserRound,
  Wand,
  Wrench,
} from "lucide-react";
import { useState } from "react";
import { asset } from "../ui/assets.ts";
import type { Chosen } from "./catalogue.ts";

const ICONS: Readonly<Record<string, LucideIcon>> = {
  background: UserRound,
  retouch: Wand,
  marks: Droplets,
  shape: Crop,
  colour: Palette,
  file: FileCog,
  combine: Layers,
  documents: FileText,
  inspect: ScanSearch,
  create: Sparkles,
};

/** A button with the picture, the name and a line about an operation or a preset. */
export function ToolCard({ chosen, onPick }: { chosen: Chosen; onPick: () => void }) {
  const { name, summary } = chosen.preset ?? chosen.entry;
  return (
    <button type="button" className="tool-card" onClick={onPick}>
      <ToolPicture id={chosen.preset?.id ?? chosen.id} category={chosen.entry.category} />
      <span className="tool-card-text">
        <b>{name}</b>
        <span className="muted">{summary.replaceAll("`", "")}</span>
      </span>
    </button>
  );
}

/** The picture of an operation or a preset, or an icon of its category. */
export function ToolPicture({ id, category }: { id: string; category: string }) {
  const [missing, setMissing] = useState(false);
  const Icon = ICONS[category] ?? Wrench;
  return (
    <span className="tool-picture">
      {missing ? (
        <Icon aria-hidden />
      ) : (
        <img
          src={asset(`tools/${id}.webp`)}
          alt=""
          width="240"
          height="160"
          loading="lazy"
          decoding="async"
          onError={() => setMissing(true)}
        />
      )}
    </span>
  );
}
