import "../styles/admin.css";
import { useQuery } from "@tanstack/react-query";
import { data, v1 } from "../api/client.ts";
import { useTexts } from "../i18n/texts.ts";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { Credits } from "./usage/Credits.tsx";
import { Ledger } from "./usage/Ledger.tsx";
import { Limits } from "./usage/Limits.tsx";

/** The account's usage: credits, the counts against its limits, and each task's effect on the balance. */
export default function UsagePage() {
  const t = useTexts();
  const balance = useQuery({ queryKey: ["balance"], queryFn: () => data(v1.GET("/v1/balance")) });
  const usage = useQuery({ queryKey: ["usage"], queryFn: () => data(v1.GET("/v1/usage")), refetchInterval: 15_000 });
  return (
    <Page title={t.nav.usage} about={t.usage.about}>
      <section className="card stacked" aria-labelledby="credits">
        <h2 id="credits">{t.usage.credits}</h2>
        <Loaded query={balance}>{(known) => <Credits balance={known} />}</Loaded>
      </section>
      <section className="card stacked" aria-labelledby="limits">
        <h2 id="limits">{t.usage.limits}</h2>
        <Loaded query={usage}>{(known) => <Limits usage={known} />}</Loaded>
      </section>
      <section className="stacked" aria-labelledby="ledger">
        <h2 id="ledger">{t.usage.ledger}</h2>
        <Ledger />
      </section>
    </Page>
  );
}
