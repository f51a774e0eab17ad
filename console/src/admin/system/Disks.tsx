import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Facts } from "../parts/Facts.tsx";
import { Meter } from "../parts/Meter.tsx";
import { type Disk, distinct, type System } from "./state.ts";

/** Room on the disks, and what is stored. */
export function Disks({ disks, stored }: { disks: readonly Disk[]; stored: System["stored"] }) {
  const t = useTexts();
  const format = useFormats();
  if (!disks.length && !stored) return null;
  return (
    <section className="card stacked" aria-labelledby="disks">
      <h2 id="disks">{t.system.storage}</h2>
      {distinct(disks).map(({ disk, parts }) => (
        <Meter
          key={parts.join()}
          label={t.system.diskOf(parts.join(", "))}
          value={t.system.free(format.bytes(disk.free), format.bytes(disk.total))}
          // Full is where new work is refused, which is before the last byte.
          share={disk.full ? 1 : Math.min(1 - disk.free / disk.total, 0.99)}
          near={t.system.nearlyFull}
          full={t.system.full}
        />
      ))}
      {stored && (
        <Facts
          facts={[
            [t.system.stored, t.system.storedFiles(format.bytes(stored.bytes), format.number(stored.files))],
            [t.system.reserve, disks[0] && format.bytes(disks[0].reserve)],
          ]}
        />
      )}
    </section>
  );
}
