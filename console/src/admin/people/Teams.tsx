import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { body, v1 } from "../../api/client.ts";
import { useFormats } from "../../i18n/format.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { type Column, Table } from "../../ui/Table.tsx";
import { type Team, useChanged, useTeams } from "./model.ts";

/** The team that is there from the start, and cannot be removed. */
const FIRST = "default-team-00000000";

export function Teams() {
  const t = useTexts();
  const format = useFormats();
  const teams = useTeams();
  const changed = useChanged();
  const [edits, setEdits] = useState<{ team?: Team }>();
  async function save(given: FormData) {
    const sent = { name: String(given.get("name")).trim() };
    const id = edits?.team?.id;
    if (id) await body(v1.PUT("/v1/teams/{id}", { params: { path: { id } }, body: sent }));
    else await body(v1.POST("/v1/teams", { body: sent }));
    await changed();
  }
  async function remove(id: string) {
    await body(v1.DELETE("/v1/teams/{id}", { params: { path: { id } } }));
    await changed();
  }
  const columns: Column<Team>[] = [
    { key: "name", head: t.common.name, names: true, data: true, cell: (team) => team.name },
    { key: "members", head: t.people.members, end: true, cell: (team) => format.number(team.member_count) },
    { key: "created", head: t.common.created, cell: (team) => format.date(team.created_at) },
    {
      key: "actions",
      head: t.common.actions,
      end: true,
      cell: (team) => (
        <span className="actions">
          <IconButton label={t.people.renameNamed(team.name)} look="quiet" small onClick={() => setEdits({ team })}>
            <Pencil />
          </IconButton>
          <ConfirmButton
            label={t.people.removeNamed(team.name)}
            icon={<Trash2 />}
            text={t.people.removeTeamWhat}
            action={t.common.remove}
            disabled={team.id === FIRST || team.member_count > 0}
            run={() => remove(team.id)}
          />
        </span>
      ),
    },
  ];
  return (
    <>
      <div className="between">
        <p className="muted">{t.people.teamsAbout}</p>
        <Button look="primary" onClick={() => setEdits({})}>
          <Plus aria-hidden />
          {t.people.addTeam}
        </Button>
      </div>
      <Loaded query={teams}>
        {({ items: rows }) => (
          <Table caption={t.people.teams} columns={columns} rows={rows} rowKey={(team) => team.id} />
        )}
      </Loaded>
      {edits && (
        <FormDialog
          title={edits.team ? t.people.renameNamed(edits.team.name) : t.people.addTeam}
          action={edits.team ? t.common.save : t.common.add}
          submit={save}
          onClose={() => setEdits(undefined)}
        >
          <TextField
            label={t.common.name}
            name="name"
            defaultValue={edits.team?.name}
            maxLength={50}
            required
            autoFocus
          />
        </FormDialog>
      )}
    </>
  );
}
