import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Needs, StateBadge } from "./StateBadge.tsx";
import type { Part } from "./state.ts";

/** The services, each with what it needs. */
export function Parts({ parts }: { parts: readonly Part[] }) {
  const t = useTexts();
  const format = useFormats();
  return (
    <section className="stacked" aria-labelledby="parts">
      <h2 id="parts">{t.system.parts}</h2>
      <ul className="cards">
        {parts.map((part) => (
          <li key={part.name} className="card stacked">
            <div className="between">
              <h3>{part.name}</h3>
              <StateBadge state={part.state} />
            </div>
            {part.state === "unreachable" ? (
              <p className="muted">{t.system.unreachable}</p>
            ) : (
              <>
                <p className="muted small">
                  {[part.version, part.host, part.started_at && t.system.since(format.ago(part.started_at))]
                    .filter(Boolean)
                    .join(" · ")}
                </p>
                <Needs needs={part.needs} />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
