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
import { useNames } from "./names.ts";

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

/** A button with the picture, the name and a line about a tool. */
export function ToolCard({ chosen, onPick }: { chosen: Chosen; onPick: () => void }) {
  const names = useNames();
  return (
    <button type="button" className="tool-card" onClick={onPick}>
      <ToolPicture id={chosen.id} category={chosen.entry.category} />
      <span className="tool-card-text">
        <b>{names.of(chosen.kind, chosen.id)}</b>
        <span className="muted">{names.summary(chosen.kind, chosen.id).replaceAll("`", "")}</span>
      </span>
    </button>
  );
}

/** The picture of a tool, or an icon of its category. */
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
