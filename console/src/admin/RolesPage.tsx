import "../styles/admin.css";
import { Plus } from "lucide-react";
import { useState } from "react";
import { may, useMe } from "../api/me.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { Note } from "../ui/Feedback.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { type Role, useChanged, useRoles } from "./people/model.ts";
import { RoleCard } from "./people/RoleCard.tsx";
import { RoleForm } from "./people/RoleForm.tsx";

/** The permissions of people. */
export default function RolesPage() {
  const t = useTexts();
  const me = useMe();
  const roles = useRoles();
  const changed = useChanged();
  const writes = may(me, "users:manage");
  const [edits, setEdits] = useState<{ role?: Role }>();
  return (
    <Page
      title={t.nav.roles}
      about={t.roles.about}
      actions={
        writes && (
          <Button look="primary" onClick={() => setEdits({})}>
            <Plus aria-hidden />
            {t.roles.add}
          </Button>
        )
      }
    >
      {me && !may(me, "audit:read") ? (
        <Note>{t.roles.noList}</Note>
      ) : (
        <Loaded query={roles}>
          {({ items: all }) => (
            <ul className="cards">
              {all.map((role) => (
                <RoleCard
                  key={role.id}
                  role={role}
                  writes={writes && !role.built_in}
                  onEdit={() => setEdits({ role })}
                  onChanged={changed}
                />
              ))}
            </ul>
          )}
        </Loaded>
      )}
      {edits && <RoleForm of={edits.role} onDone={changed} onClose={() => setEdits(undefined)} />}
    </Page>
  );
}
