import type { components } from "../../../generated/v1.ts";
import { progressText } from "../../i18n/said.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { Badge, Note, Progress, type Tone } from "../../ui/Feedback.tsx";
import { worded } from "../parts/words.ts";

type Bundle = components["schemas"]["Bundle"];
const TONES: Record<Bundle["status"], Tone | undefined> = {
  installed: "good",
  installing: "info",
  not_installed: undefined,
  error: "bad",
};

export function BundleCard({
  bundle,
  manages,
  busy,
  onInstall,
  onUninstall,
}: {
  bundle: Bundle;
  manages: boolean;
  /** Whether one is being installed. */
  busy: boolean;
  onInstall: () => void;
  onUninstall: () => Promise<void>;
}) {
  const t = useTexts();
  const { id, status, percent } = bundle;
  const name = worded(t.system.bundleNames, id);
  return (
    <li className="card stacked">
      <div className="between">
        <h3>{name === id ? bundle.name : name}</h3>
        <Badge tone={TONES[status]}>{t.system.bundleStates[status]}</Badge>
      </div>
      <p>{Object.hasOwn(t.system.bundleWhat, id) ? worded(t.system.bundleWhat, id) : bundle.description}</p>
      <p className="chips">
        {bundle.operations.map((operation) => (
          <code key={operation}>{operation}</code>
        ))}
      </p>
      {status === "installing" && (
        <div className="stacked" role="status">
          <Progress
            share={percent === undefined ? undefined : percent / 100}
            label={t.system.installing(bundle.name)}
          />
          <span className="muted">
            {percent !== undefined && `${percent} % · ${progressText(t, bundle.stage ?? "")}`}
          </span>
        </div>
      )}
      {bundle.error && <Note tone="bad">{bundle.error}</Note>}
      {manages && status !== "installing" && (
        <div className="row">
          {status === "installed" ? (
            <ConfirmButton label={t.system.uninstall} text={t.system.uninstallWhat} disabled={busy} run={onUninstall} />
          ) : (
            <Button small disabled={busy} onClick={onInstall}>
              {status === "error" ? t.common.retry : t.system.install}
            </Button>
          )}
        </div>
      )}
    </li>
  );
}
