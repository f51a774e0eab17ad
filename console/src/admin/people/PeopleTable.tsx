import { KeyRound, Link2, Pencil, Trash2 } from "lucide-react";
import { body, v1 } from "../../api/client.ts";
import { useMe } from "../../api/me.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { IconButton } from "../../ui/Button.tsx";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { Data } from "../../ui/Data.tsx";
import { Badge } from "../../ui/Feedback.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import type { Person } from "./model.ts";

export function PeopleTable({
  people,
  onEdit,
  onReset,
  onLink,
  onChanged,
}: {
  people: readonly Person[];
  onEdit: (person: Person) => void;
  onReset: (person: Person) => void;
  onLink: (person: Person) => void;
  onChanged: () => Promise<unknown>;
}) {
  const t = useTexts();
  const format = useFormats();
  const me = useMe()?.user?.id;
  async function remove(id: string) {
    await body(v1.DELETE("/v1/users/{id}", { params: { path: { id } } }));
    await onChanged();
  }
  const columns: Column<Person>[] = [
    {
      key: "name",
      head: t.common.name,
      names: true,
      cell: (person) => (
        <span className="chips">
          <Data>{person.name}</Data> {person.id === me && <Badge tone="info">{t.people.you}</Badge>}
          {!person.has_password && <Badge>{t.people.invited}</Badge>}
        </span>
      ),
    },
    { key: "role", head: t.people.role, data: true, cell: (person) => person.role },
    { key: "team", head: t.people.team, data: true, cell: (person) => person.team },
    { key: "created", head: t.people.added, cell: (person) => format.date(person.created_at) },
    {
      key: "actions",
      head: t.common.actions,
      end: true,
      cell: (person) => (
        <span className="actions">
          <IconButton label={t.people.editNamed(person.name)} look="quiet" small onClick={() => onEdit(person)}>
            <Pencil />
          </IconButton>
          <IconButton label={t.people.resetNamed(person.name)} look="quiet" small onClick={() => onReset(person)}>
            <KeyRound />
          </IconButton>
          <IconButton label={t.people.linkNamed(person.name)} look="quiet" small onClick={() => onLink(person)}>
            <Link2 />
          </IconButton>
          <ConfirmButton
            label={t.people.removeNamed(person.name)}
            icon={<Trash2 />}
            text={t.people.removeWhat}
            action={t.common.remove}
            run={() => remove(person.id)}
          />
        </span>
      ),
    },
  ];
  return <Table caption={t.nav.people} columns={columns} rows={people} rowKey={(person) => person.id} />;
}
