import { Badge } from "../../ui/Feedback.tsx";

/** From which share of a limit a bar warns. */
const NEAR = 0.85;

/** How much of something is used. Without a `share` there is no limit, and no bar. */
export function Meter({
  label,
  value,
  share,
  near,
  full,
}: {
  label: string;
  /** The amounts in words. */
  value: string;
  share: number | undefined;
  /** The meaning of the colour, in words. */
  near: string;
  full: string;
}) {
  return (
    <div className="meter">
      <div className="meter-head">
        <span>{label}</span>
        {share !== undefined && share >= NEAR && (
          <Badge tone={share < 1 ? "warn" : "bad"}>{share < 1 ? near : full}</Badge>
        )}
        <span className="muted">{value}</span>
      </div>
      {share !== undefined && (
        <meter
          min={0}
          max={1}
          low={NEAR}
          high={0.9999}
          optimum={0}
          value={Math.min(share, 1)}
          aria-label={label}
          aria-valuetext={value}
        />
      )}
    </div>
  );
}
