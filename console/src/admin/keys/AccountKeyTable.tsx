import { RefreshCw, Trash2 } from "lucide-react";
import { data, v1 } from "../../api/client.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { IconButton } from "../../ui/Button.tsx";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { Data } from "../../ui/Data.tsx";
import { Badge, type Tone } from "../../ui/Feedback.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import { type Key, type KeyState, works } from "./state.ts";

type Row = { key: Key; state: KeyState };
const TONES: Record<KeyState, Tone | undefined> = {
  active: "good",
  replaced: "info",
  expired: undefined,
  revoked: "bad",
};

export function AccountKeyTable({
  rows,
  creates,
  revokes,
  onRotate,
  onChanged,
}: {
  rows: readonly Row[];
  /** Whether keys may be made, and so replaced. */
  creates: boolean;
  revokes: boolean;
  onRotate: (key: Key) => void;
  onChanged: () => Promise<unknown>;
}) {
  const t = useTexts();
  const format = useFormats();
  async function revoke(id: string) {
    await data(v1.DELETE("/v1/keys/{id}", { params: { path: { id } } }));
    await onChanged();
  }
  const columns: Column<Row>[] = [
    {
      key: "name",
      head: t.common.name,
      names: true,
      cell: ({ key }) => (
        <span className="two-lines">
          <Data>{key.name}</Data>
          <code>{key.prefix}…</code>
        </span>
      ),
    },
    {
      key: "state",
      head: t.common.status,
      cell: ({ state }) => <Badge tone={TONES[state]}>{t.keys.states[state]}</Badge>,
    },
    { key: "scopes", head: t.keys.scopesHead, cell: ({ key }) => <Allowed of={key} /> },
    {
      key: "used",
      head: t.keys.used,
      cell: ({ key }) => (key.last_used_at ? format.ago(key.last_used_at) : t.common.never),
    },
    {
      key: "expires",
      head: t.common.expires,
      cell: ({ key }) => (key.expires_at ? format.date(key.expires_at) : t.common.never),
    },
    { key: "created", head: t.common.created, cell: ({ key }) => format.date(key.created_at) },
  ];
  if (revokes) {
    columns.push({
      key: "actions",
      head: t.common.actions,
      end: true,
      cell: ({ key, state }) =>
        works(state) && (
          <span className="actions">
            {creates && state === "active" && (
              <IconButton label={t.keys.rotateNamed(key.name)} look="quiet" small onClick={() => onRotate(key)}>
                <RefreshCw />
              </IconButton>
            )}
            <ConfirmButton
              label={t.keys.revokeNamed(key.name)}
              icon={<Trash2 />}
              text={t.keys.revokeWhat}
              action={t.keys.revoke}
              run={() => revoke(key.id)}
            />
          </span>
        ),
    });
  }
  return <Table caption={t.keys.account} columns={columns} rows={rows} rowKey={({ key }) => key.id} />;
}

/** The scopes and networks of a key. */
function Allowed({ of: key }: { of: Key }) {
  const t = useTexts();
  return (
    <span className="chips">
      {key.scopes ? key.scopes.map((scope) => <code key={scope}>{scope}</code>) : t.keys.allScopes}
      {key.allowed_networks?.map((network) => (
        <Badge key={network}>{t.keys.from(network)}</Badge>
      ))}
    </span>
  );
}
