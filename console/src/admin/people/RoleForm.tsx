import { useState } from "react";
import { body, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { TextArea, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { Checks } from "../parts/Checks.tsx";
import type { Role } from "./model.ts";

/** The permissions of a new role of people who only work. */
const USUAL = ["tools:use", "files:own", "apikeys:own", "pipelines:own", "settings:read"];

export function RoleForm({
  of,
  onDone,
  onClose,
}: {
  of: Role | undefined;
  onDone: () => Promise<unknown>;
  onClose: () => void;
}) {
  const t = useTexts();
  const [chosen, setChosen] = useState<string[]>(of?.permissions ?? USUAL);
  async function submit(given: FormData) {
    const sent = {
      name: String(given.get("name")).trim(),
      description: String(given.get("description")).trim(),
      permissions: chosen,
    };
    if (of) await body(v1.PUT("/v1/roles/{id}", { params: { path: { id: of.id } }, body: sent }));
    else await body(v1.POST("/v1/roles", { body: sent }));
    await onDone();
  }
  return (
    <FormDialog
      title={of ? t.roles.editNamed(of.name) : t.roles.add}
      action={of ? t.common.save : t.common.add}
      submit={submit}
      onClose={onClose}
      wide
      // A new role permits something; one that exists may permit nothing more.
      ready={of !== undefined || chosen.length > 0}
    >
      <TextField
        label={t.common.name}
        help={t.roles.nameRule}
        name="name"
        defaultValue={of?.name}
        minLength={2}
        maxLength={30}
        pattern="\s*[A-Za-z0-9_\-]+\s*"
        autoCapitalize="none"
        required
        autoFocus
      />
      <TextArea
        label={t.roles.description}
        name="description"
        defaultValue={of?.description}
        maxLength={500}
        rows={2}
      />
      <Checks
        legend={t.roles.permits}
        checks={Object.entries(t.roles.permissions).map(([value, help]) => ({ value, help }))}
        chosen={chosen}
        onChange={setChosen}
      />
      {of && <p className="muted">{t.roles.atOnce}</p>}
    </FormDialog>
  );
}
