import { Link } from "wouter";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Data } from "../../ui/Data.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Facts } from "../parts/Facts.tsx";
import { worded } from "../parts/words.ts";
import { pageOf } from "./actions.ts";
import type { Entry } from "./EntryTable.tsx";

/** Everything about an entry: in words, and as the server sent it. */
export function EntryDialog({ of, onClose }: { of: Entry; onClose: () => void }) {
  const t = useTexts();
  const format = useFormats();
  const page = pageOf(of.action, of.resource_id);
  const id = of.resource_id === "0" ? undefined : of.resource_id;
  const who = worded(t.audit.actors, of.actor);
  return (
    <Dialog title={worded(t.audit.actions, of.action)} onClose={onClose} wide>
      <Facts
        facts={[
          [t.audit.when, format.date(of.created_at)],
          [
            t.audit.who,
            of.actor_name ? (
              <span key="who">
                <Data>{of.actor_name}</Data> ({who})
              </span>
            ) : (
              who
            ),
          ],
          [t.audit.key, of.key_id],
          [t.audit.resource, id && (page ? <Link href={page}>{id}</Link> : id)],
          ...of.details.map(
            ({ name, value }) =>
              [
                worded(t.audit.details, name),
                <span key={name} className="breaks" translate={name === "why" ? undefined : "no"}>
                  {name === "why" ? worded(t.audit.whys, value) : value}
                </span>,
              ] as const,
          ),
          [t.audit.address, of.address && <Data key="address">{of.address}</Data>],
          [t.audit.client, of.user_agent && <Data key="client">{of.user_agent}</Data>],
          [t.audit.request, of.request_id && <code>{of.request_id}</code>],
        ]}
      />
      <details>
        <summary>{t.audit.raw}</summary>
        <pre className="raw">{JSON.stringify(of, null, 2)}</pre>
      </details>
    </Dialog>
  );
}
