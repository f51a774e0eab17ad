import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { data, v1 } from "../../api/client.ts";
import { may, useMe } from "../../api/me.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { Empty, Note } from "../../ui/Feedback.tsx";
import { SwitchField } from "../../ui/Field.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { SecretDialog } from "../parts/SecretDialog.tsx";
import { AccountKeyTable } from "./AccountKeyTable.tsx";
import { NewAccountKey } from "./NewAccountKey.tsx";
import { RotateKey } from "./RotateKey.tsx";
import { type Key, stateOf, works } from "./state.ts";

/** The account's own keys, `dk_sk_…`. */
export function AccountKeys() {
  const t = useTexts();
  const me = useMe();
  const revokes = may(me, "keys:write");
  // The server refuses it to other people: a key is made with a key, so that it ends with that one, or by an administrator.
  const creates = revokes && (me?.kind === "account_key" || (me?.kind === "session" && me.all_scopes));
  const queries = useQueryClient();
  const keys = useQuery({ queryKey: ["keys"], queryFn: () => data(v1.GET("/v1/keys")) });
  const [ended, setEnded] = useState(false);
  const [making, setMaking] = useState(false);
  const [rotates, setRotates] = useState<Key>();
  const [made, setMade] = useState<{ name: string; secret: string }>();
  const changed = () => queries.invalidateQueries({ queryKey: ["keys"] });

  async function show(key: Key, secret: string) {
    setMade({ name: key.name, secret });
    await changed();
  }

  return (
    <>
      <div className="between">
        <SwitchField label={t.keys.showEnded} checked={ended} onChange={setEnded} />
        {creates && (
          <Button look="primary" onClick={() => setMaking(true)}>
            <Plus aria-hidden />
            {t.keys.create}
          </Button>
        )}
      </div>
      {me?.user && !creates && <Note>{t.keys.notByPeople}</Note>}
      <Loaded query={keys}>
        {({ items }) => {
          const now = new Date();
          const rows = items
            .map((key) => ({ key, state: stateOf(key, items, now) }))
            .filter(({ state }) => ended || works(state));
          return rows.length ? (
            <AccountKeyTable
              rows={rows}
              creates={creates}
              revokes={revokes}
              onRotate={setRotates}
              onChanged={changed}
            />
          ) : (
            <Empty icon={<KeyRound aria-hidden />}>{creates ? t.keys.none : t.keys.noneAtAll}</Empty>
          );
        }}
      </Loaded>
      {making && <NewAccountKey onMade={show} onClose={() => setMaking(false)} />}
      {rotates && <RotateKey of={rotates} onMade={show} onClose={() => setRotates(undefined)} />}
      {made && (
        <SecretDialog
          title={t.keys.new(made.name)}
          label={t.keys.secret}
          secret={made.secret}
          onClose={() => setMade(undefined)}
        />
      )}
    </>
  );
}
