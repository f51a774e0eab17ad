import type { Me } from "../../api/me.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Data } from "../../ui/Data.tsx";
import { Facts } from "../parts/Facts.tsx";
import { inOrder, worded } from "../parts/words.ts";

export function WhoIAm({ me }: { me: Me }) {
  const t = useTexts();
  const format = useFormats();
  const permissions = me.permissions ?? [];
  const scopes = me.scopes ?? [];
  return (
    <section className="card stacked" aria-labelledby="who">
      <h2 id="who">{t.settings.who}</h2>
      <Facts
        facts={[
          [t.settings.signedIn, me.user && <Data key="name">{me.user.name}</Data>],
          [t.settings.by, t.settings.kinds[me.kind]],
          [t.people.role, me.user && <Data key="role">{me.user.role}</Data>],
          [t.people.team, me.user && <Data key="team">{me.user.team}</Data>],
          [t.settings.account, <Data key="account">{`${me.account_name} (${me.account_id})`}</Data>],
          [t.settings.ends, me.expires_at ? format.date(me.expires_at) : t.settings.neverEnds],
        ]}
      />
      <details>
        <summary>{me.all_scopes ? t.settings.mayAll : t.settings.may(permissions.length || scopes.length)}</summary>
        <ul className="permits">
          {permissions.length
            ? inOrder(permissions, Object.keys(t.roles.permissions)).map((one) => (
                <li key={one}>{worded(t.roles.permissions, one)}</li>
              ))
            : scopes.map((one) => <li key={one}>{worded(t.keys.scopes, one)}</li>)}
        </ul>
      </details>
    </section>
  );
}
