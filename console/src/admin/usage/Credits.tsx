import type { components } from "../../../generated/v1.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Badge } from "../../ui/Feedback.tsx";
import { Facts } from "../parts/Facts.tsx";

export function Credits({ balance }: { balance: components["schemas"]["BalanceResult"] }) {
  const t = useTexts();
  const format = useFormats();
  const multiplier = balance.multiplier === 1 ? undefined : t.usage.times(format.number(balance.multiplier));
  if (balance.unlimited) {
    return (
      <>
        <p className="row">
          <Badge tone="good">{t.usage.unlimited}</Badge>
          <span className="muted">{t.usage.unlimitedWhy}</span>
        </p>
        {multiplier && <Facts facts={[[t.usage.multiplier, multiplier]]} />}
      </>
    );
  }
  return (
    <>
      <p className="figure">
        {format.number(balance.available)} <span className="muted">{t.usage.available}</span>
      </p>
      <Facts
        facts={[
          [t.usage.reserved, t.usage.amount(format.number(balance.reserved))],
          [t.usage.multiplier, multiplier],
        ]}
      />
    </>
  );
}
