import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body, data, v1 } from "../../api/client.ts";
import { may, useMe } from "../../api/me.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { ErrorNote } from "../../ui/Feedback.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { BundleCard } from "./BundleCard.tsx";

const WHILE_INSTALLING_MS = 1500;
const OTHERWISE_MS = 30_000;

/** Bundles of models, which are installed and removed while everything runs. One at a time: the server refuses another. */
export function Bundles() {
  const t = useTexts();
  const format = useFormats();
  const queries = useQueryClient();
  const manages = may(useMe(), "features:manage");
  const bundles = useQuery({
    queryKey: ["bundles"],
    queryFn: () => data(v1.GET("/v1/bundles")),
    refetchInterval: ({ state }) =>
      state.data?.items.some(({ status }) => status === "installing") ? WHILE_INSTALLING_MS : OTHERWISE_MS,
  });
  const installing = bundles.data?.items.some(({ status }) => status === "installing") ?? false;
  const used = bundles.data?.used_bytes;
  const changed = () => queries.invalidateQueries({ queryKey: ["bundles"] });
  const install = useMutation({
    mutationFn: (id: string) => body(v1.POST("/v1/bundles/{id}/install", { params: { path: { id } } })),
    onSettled: changed,
  });
  async function uninstall(id: string) {
    await body(v1.POST("/v1/bundles/{id}/uninstall", { params: { path: { id } } }));
    await changed();
  }
  return (
    <section className="stacked" aria-labelledby="bundles">
      <div className="between">
        <h2 id="bundles">{t.system.bundles}</h2>
        {used !== undefined && <p className="muted">{t.system.space(format.bytes(used))}</p>}
      </div>
      <ErrorNote error={install.error} />
      <Loaded query={bundles}>
        {({ items: all }) => (
          <ul className="cards">
            {all.map((bundle) => (
              <BundleCard
                key={bundle.id}
                bundle={bundle}
                manages={manages}
                busy={installing || install.isPending}
                onInstall={() => install.mutate(bundle.id)}
                onUninstall={() => uninstall(bundle.id)}
              />
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}
