import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { data, once, v1 } from "../../api/client.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { Secret } from "../../ui/Secret.tsx";

/** The secret that signs what is sent to URLs of single tasks. It can be read again, and is on the page only when somebody asks. */
export function DefaultSecret() {
  const t = useTexts();
  const format = useFormats();
  const queries = useQueryClient();
  const [shows, setShows] = useState(false);
  const secret = useQuery({
    queryKey: ["webhook-secret"],
    queryFn: () => data(v1.GET("/v1/webhook-secret")),
    enabled: shows,
    gcTime: 0,
  });
  async function rotate() {
    await data(v1.POST("/v1/webhooks/{id}/rotate-secret", { params: { path: { id: "default" } }, ...once() }));
    await queries.invalidateQueries({ queryKey: ["webhook-secret"] });
    setShows(true);
  }
  return (
    <section className="card stacked" aria-label={t.webhooks.defaultSecret}>
      <p>{t.webhooks.defaultWhat}</p>
      {shows && (
        <Loaded query={secret}>
          {({ secret: text, previous_secret_expires_at: until }) => (
            <>
              <Secret text={text} label={t.webhooks.defaultSecret} />
              {until && <p className="muted">{t.webhooks.twoSecrets(format.date(until))}</p>}
            </>
          )}
        </Loaded>
      )}
      <div className="row">
        <Button onClick={() => setShows(!shows)}>{shows ? t.webhooks.hide : t.webhooks.show}</Button>
        <ConfirmButton label={t.webhooks.rotate} text={t.webhooks.rotateWhat} run={rotate} small={false} />
      </div>
    </section>
  );
}
