import type { components } from "../../../generated/v1.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Meter } from "../parts/Meter.tsx";

type Usage = components["schemas"]["UsageResult"];
const COUNTED = [
  "bytes",
  "files",
  "uploads",
  "uploads_in_parts",
  "open_tasks",
  "open_single_tasks",
  "running_tasks",
  "keys",
  "webhooks",
  "streams",
] as const;

export function Limits({ usage }: { usage: Usage }) {
  const t = useTexts();
  const format = useFormats();
  return (
    <div className="meters">
      {COUNTED.map((name) => {
        const { used, limit } = usage[name];
        const written = name === "bytes" ? format.bytes : format.number;
        return (
          <Meter
            key={name}
            label={t.usage.counted[name]}
            value={limit === undefined ? t.usage.noLimit(written(used)) : t.usage.of(written(used), written(limit))}
            share={limit === undefined ? undefined : limit === 0 ? 1 : used / limit}
            near={t.usage.near}
            full={t.usage.full}
          />
        );
      })}
      {usage.request_limits.map((limit) => (
        <Meter
          key={limit.policy}
          label={t.usage.requests[limit.policy]}
          value={t.usage.requestsLeft(
            format.number(limit.remaining),
            format.number(limit.burst),
            format.number(limit.requests_per_second),
          )}
          share={1 - Math.min(limit.remaining / limit.burst, 1)}
          near={t.usage.near}
          full={t.usage.full}
        />
      ))}
    </div>
  );
}
