import "../styles/admin.css";
import { useQuery } from "@tanstack/react-query";
import { ExternalLink } from "lucide-react";
import { data, v1 } from "../api/client.ts";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import { ButtonLink } from "../ui/Button.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { Bundles } from "./system/Bundles.tsx";
import { Disks } from "./system/Disks.tsx";
import { Lanes } from "./system/Lanes.tsx";
import { Models } from "./system/Models.tsx";
import { Parts } from "./system/Parts.tsx";
import { Summary } from "./system/Summary.tsx";
import { Workers } from "./system/Workers.tsx";

const EVERY_MS = 5000;

/** How the installation is, read again and again while somebody looks: TanStack Query pauses in a hidden tab. */
export default function SystemPage() {
  const t = useTexts();
  const format = useFormats();
  const system = useQuery({
    queryKey: ["system"],
    queryFn: () => data(v1.GET("/v1/system")),
    refetchInterval: EVERY_MS,
  });
  const known = system.data;
  return (
    <Page
      title={t.nav.system}
      about={known ? t.system.readAt(format.time(known.read_at)) : t.system.about}
      actions={
        known?.metrics_url && (
          <ButtonLink href={known.metrics_url} target="_blank" rel="noreferrer">
            <ExternalLink aria-hidden />
            {t.system.metrics}
          </ButtonLink>
        )
      }
    >
      <Loaded query={system}>
        {(now) => (
          <>
            <Summary system={now} />
            <Parts parts={now.parts} />
            <Lanes lanes={now.lanes} />
            <Workers workers={now.workers} />
            <Disks disks={now.disks} stored={now.stored} />
          </>
        )}
      </Loaded>
      <Bundles />
      {known && <Models models={known.models} />}
    </Page>
  );
}
