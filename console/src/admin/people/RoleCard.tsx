import { Check, Pencil, Trash2 } from "lucide-react";
import { body, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { IconButton } from "../../ui/Button.tsx";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { Data } from "../../ui/Data.tsx";
import { Badge } from "../../ui/Feedback.tsx";
import { inOrder, worded } from "../parts/words.ts";
import type { Role } from "./model.ts";

export function RoleCard({
  role,
  writes,
  onEdit,
  onChanged,
}: {
  role: Role;
  writes: boolean;
  onEdit: () => void;
  onChanged: () => Promise<unknown>;
}) {
  const t = useTexts();
  async function remove() {
    await body(v1.DELETE("/v1/roles/{id}", { params: { path: { id: role.id } } }));
    await onChanged();
  }
  return (
    <li className="card stacked">
      <div className="between">
        <h2 translate="no">{role.name}</h2>
        <span className="actions">
          {role.built_in && <Badge>{t.roles.builtIn}</Badge>}
          {writes && (
            <>
              <IconButton label={t.roles.editNamed(role.name)} look="quiet" small onClick={onEdit}>
                <Pencil />
              </IconButton>
              <ConfirmButton
                label={t.roles.removeNamed(role.name)}
                icon={<Trash2 />}
                text={t.roles.removeWhat(role.user_count)}
                action={t.common.remove}
                run={remove}
              />
            </>
          )}
        </span>
      </div>
      <p className="muted">
        {role.description && (
          <>
            <Data>{role.description}</Data> ·{" "}
          </>
        )}
        {t.people.count(role.user_count)}
      </p>
      {role.permissions.length ? (
        <ul className="permits">
          {inOrder(role.permissions, Object.keys(t.roles.permissions)).map((one) => (
            <li key={one}>
              <Check aria-hidden />
              <span>{worded(t.roles.permissions, one)}</span>
            </li>
          ))}
        </ul>
      ) : (
        <p className="muted">{t.roles.nothing}</p>
      )}
    </li>
  );
}
