import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "../api/errors.ts";
import { errorText } from "../i18n/said.ts";
import { type Texts, useTexts } from "../i18n/texts.ts";
import { Button } from "./Button.tsx";

export type Tone = "info" | "good" | "warn" | "bad";
const ICONS = { info: Info, good: CircleCheck, warn: TriangleAlert, bad: CircleAlert };

export function Note({ tone = "info", children }: { tone?: Tone; children: ReactNode }) {
  const Icon = ICONS[tone];
  return (
    <div className={`note ${tone}`}>
      <Icon aria-hidden />
      <div>{children}</div>
    </div>
  );
}

/** The text of anything that was thrown. */
export function messageOf(t: Texts, error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  return error.reason === "unreachable" ? t.common.offline : errorText(t, error);
}

/** The error in the page's language, with the number to quote. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useTexts();
  if (!error) return null;
  const known = error instanceof ApiError ? error : undefined;
  return (
    <div role="alert">
      <Note tone="bad">
        {messageOf(t, error)}
        {known?.requestId && known.status >= 500 && <div className="mono">{t.common.requestId(known.requestId)}</div>}
        {onRetry && (
          <div>
            <Button small onClick={onRetry}>
              {t.common.retry}
            </Button>
          </div>
        )}
      </Note>
    </div>
  );
}

export function Badge({ tone, children }: { tone?: Tone; children: ReactNode }) {
  return <span className={tone ? `badge ${tone}` : "badge"}>{children}</span>;
}

/** How far something is; `share` from 0 to 1, undefined while nobody knows. */
export function Progress({ share, label }: { share: number | undefined; label: string }) {
  const percent = share === undefined ? undefined : Math.round(share * 100);
  return (
    <div
      className={share === undefined ? "progress waiting" : "progress"}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div style={share === undefined ? undefined : { transform: `scaleX(${share})` }} />
    </div>
  );
}

export function Empty({ icon, children }: { icon?: ReactNode; children: ReactNode }) {
  return (
    <div className="empty">
      {icon}
      {children}
    </div>
  );
}

export function Loading() {
  const t = useTexts();
  return (
    <p className="muted" role="status">
      {t.common.loading}
    </p>
  );
}
