import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { data, v1 } from "../../api/client.ts";
import { may, useMe } from "../../api/me.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { Empty } from "../../ui/Feedback.tsx";
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
  const writes = may(useMe(), "keys:write");
  const queries = useQueryClient();
  const keys = useQuery({ queryKey: ["keys"], queryFn: () => data(v1.GET("/v1/keys")) });
  const [ended, setEnded] = useState(false);
  const [creates, setCreates] = useState(false);
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
        {writes && (
          <Button look="primary" onClick={() => setCreates(true)}>
            <Plus aria-hidden />
            {t.keys.create}
          </Button>
        )}
      </div>
      <Loaded query={keys}>
        {({ items }) => {
          const now = new Date();
          const rows = items
            .map((key) => ({ key, state: stateOf(key, items, now) }))
            .filter(({ state }) => ended || works(state));
          return rows.length ? (
            <AccountKeyTable rows={rows} writes={writes} onRotate={setRotates} onChanged={changed} />
          ) : (
            <Empty icon={<KeyRound aria-hidden />}>{t.keys.none}</Empty>
          );
        }}
      </Loaded>
      {creates && <NewAccountKey onMade={show} onClose={() => setCreates(false)} />}
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
