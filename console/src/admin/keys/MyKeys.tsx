import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { components } from "../../../generated/v1.ts";
import { body, data, v1 } from "../../api/client.ts";
import { may, useMe } from "../../api/me.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { Empty, Note } from "../../ui/Feedback.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import { SecretDialog } from "../parts/SecretDialog.tsx";
import { NewMyKey } from "./NewMyKey.tsx";

type Listed = components["schemas"]["UserKey"];

/** Keys of people, `si_…`: the caller's own, or those of everybody where the role shows them. */
export function MyKeys() {
  const t = useTexts();
  const format = useFormats();
  const me = useMe();
  const queries = useQueryClient();
  const keys = useQuery({ queryKey: ["my-keys"], queryFn: () => data(v1.GET("/v1/me/keys")) });
  const [creates, setCreates] = useState(false);
  const [made, setMade] = useState<{ name: string; key: string }>();
  const changed = () => queries.invalidateQueries({ queryKey: ["my-keys"] });
  async function remove(id: string) {
    await body(v1.DELETE("/v1/me/keys/{id}", { params: { path: { id } } }));
    await changed();
  }
  const date = (value: string | undefined) => (value === undefined ? t.common.never : format.date(value));
  const ago = (value: string | undefined) => (value === undefined ? t.common.never : format.ago(value));
  const columns: Column<Listed>[] = [
    { key: "name", head: t.common.name, names: true, data: true, cell: (key) => key.name },
    {
      key: "permissions",
      head: t.keys.permissions,
      cell: ({ permissions }) => (
        <span className="chips">
          {permissions.length ? permissions.map((one) => <code key={one}>{one}</code>) : t.keys.asMyRole}
        </span>
      ),
    },
    { key: "used", head: t.keys.used, cell: (key) => ago(key.last_used_at) },
    { key: "expires", head: t.common.expires, cell: (key) => date(key.expires_at) },
    { key: "created", head: t.common.created, cell: (key) => date(key.created_at) },
    {
      key: "actions",
      head: t.common.actions,
      end: true,
      cell: (key) => (
        <ConfirmButton
          label={t.keys.deleteNamed(key.name)}
          icon={<Trash2 />}
          text={t.keys.deleteWhat}
          action={t.common.delete}
          run={() => remove(key.id)}
        />
      ),
    },
  ];

  return (
    <>
      <div className="between">
        <p className="muted">{t.keys.mineAbout}</p>
        {me?.user && (
          <Button look="primary" onClick={() => setCreates(true)}>
            <Plus aria-hidden />
            {t.keys.createMine}
          </Button>
        )}
      </div>
      {may(me, "apikeys:all") && <Note>{t.keys.everybodys}</Note>}
      <Loaded query={keys}>
        {({ items }) =>
          items.length ? (
            <Table caption={t.keys.mine} columns={columns} rows={items} rowKey={(key) => key.id} />
          ) : (
            <Empty icon={<KeyRound aria-hidden />}>{t.keys.noneOfMine}</Empty>
          )
        }
      </Loaded>
      {creates && (
        <NewMyKey
          onMade={async (name, key) => {
            setMade({ name, key });
            await changed();
          }}
          onClose={() => setCreates(false)}
        />
      )}
      {made && (
        <SecretDialog
          title={t.keys.new(made.name)}
          label={t.keys.secret}
          secret={made.key}
          onClose={() => setMade(undefined)}
        />
      )}
    </>
  );
}
