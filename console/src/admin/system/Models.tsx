import { useTexts } from "../../i18n/texts.ts";
import { Badge } from "../../ui/Feedback.tsx";
import type { Model } from "./state.ts";

/** Every model of the model servers, folded: there are many, and bundles are what somebody does something with. */
export function Models({ models }: { models: readonly Model[] }) {
  const t = useTexts();
  if (!models.length) return null;
  return (
    <details className="card">
      <summary>{t.system.models(models.filter(({ ready }) => ready).length, models.length)}</summary>
      <ul className="chips models">
        {models.map(({ name, ready, workers }) => (
          <li key={name}>
            <Badge tone={ready ? "good" : undefined}>
              {ready ? t.system.readyAt(name, workers) : t.system.notReady(name)}
            </Badge>
          </li>
        ))}
      </ul>
    </details>
  );
}
