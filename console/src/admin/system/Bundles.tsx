import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body, snapotter } from "../../api/client.ts";
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
    queryKey: ["features"],
    queryFn: () => body(snapotter.GET("/api/v1/features")),
    refetchInterval: ({ state }) =>
      state.data?.bundles.some(({ status }) => status === "installing") ? WHILE_INSTALLING_MS : OTHERWISE_MS,
  });
  const installing = bundles.data?.bundles.some(({ status }) => status === "installing") ?? false;
  const usage = useQuery({
    queryKey: ["features", "usage", installing],
    queryFn: () => body(snapotter.GET("/api/v1/admin/features/disk-usage")),
    enabled: manages,
  });
  const changed = () => queries.invalidateQueries({ queryKey: ["features"] });
  const install = useMutation({
    mutationFn: (bundleId: string) =>
      body(snapotter.POST("/api/v1/admin/features/{bundleId}/install", { params: { path: { bundleId } } })),
    onSettled: changed,
  });
  async function uninstall(bundleId: string) {
    await body(snapotter.POST("/api/v1/admin/features/{bundleId}/uninstall", { params: { path: { bundleId } } }));
    await changed();
  }
  return (
    <section className="stacked" aria-labelledby="bundles">
      <div className="between">
        <h2 id="bundles">{t.system.bundles}</h2>
        {usage.data && <p className="muted">{t.system.space(format.bytes(Number(usage.data.totalBytes)))}</p>}
      </div>
      <ErrorNote error={install.error ?? usage.error} />
      <Loaded query={bundles}>
        {({ bundles: all }) => (
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
