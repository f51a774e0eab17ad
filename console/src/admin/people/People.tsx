import { Plus } from "lucide-react";
import { useState } from "react";
import { data, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { ErrorNote } from "../../ui/Feedback.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { SecretDialog } from "../parts/SecretDialog.tsx";
import { EditPerson } from "./EditPerson.tsx";
import { linkIn } from "./links.ts";
import { type Person, useChanged, usePeople } from "./model.ts";
import { NewPerson } from "./NewPerson.tsx";
import { PeopleTable } from "./PeopleTable.tsx";
import { ResetPassword } from "./ResetPassword.tsx";

type Doing = { what: "add" } | { what: "edit" | "reset"; person: Person };

export function People() {
  const t = useTexts();
  const people = usePeople();
  const changed = useChanged();
  const [doing, setDoing] = useState<Doing>();
  const [made, setMade] = useState<{ name: string; password: string }>();
  const [link, setLink] = useState<{ name: string; url: string }>();
  const [error, setError] = useState<unknown>();
  const close = () => setDoing(undefined);
  async function invited(name: string, url: string) {
    setLink({ name, url });
    await changed();
  }
  async function renew({ id, name }: Person) {
    setError(undefined);
    try {
      const params = { path: { id } };
      setLink({ name, url: linkIn(await data(v1.POST("/v1/users/{id}/sign-in-link", { params, body: {} }))) });
    } catch (refused) {
      setError(refused);
    }
  }
  /** After a password was set: show it if it was made up here. */
  async function set(name: string, password: string | undefined) {
    if (password !== undefined) setMade({ name, password });
    await changed();
  }
  return (
    <Loaded query={people}>
      {({ items: users, max_users: maxUsers }) => (
        <>
          <div className="between">
            <p className="muted">
              {maxUsers ? t.people.countOf(users.length, maxUsers) : t.people.count(users.length)}
            </p>
            <Button look="primary" onClick={() => setDoing({ what: "add" })}>
              <Plus aria-hidden />
              {t.people.add}
            </Button>
          </div>
          <ErrorNote error={error} />
          <PeopleTable
            people={users}
            onEdit={(person) => setDoing({ what: "edit", person })}
            onReset={(person) => setDoing({ what: "reset", person })}
            onLink={(person) => void renew(person)}
            onChanged={changed}
          />
          {doing?.what === "add" && <NewPerson people={users} onMade={set} onInvited={invited} onClose={close} />}
          {doing?.what === "edit" && <EditPerson of={doing.person} people={users} onDone={changed} onClose={close} />}
          {doing?.what === "reset" && <ResetPassword of={doing.person} onMade={set} onClose={close} />}
          {link && (
            <SecretDialog
              title={t.people.linkOf(link.name)}
              label={t.people.link}
              about={t.people.linkAbout}
              secret={link.url}
              onClose={() => setLink(undefined)}
            />
          )}
          {made && (
            <SecretDialog
              title={t.people.passwordOf(made.name)}
              label={t.signIn.password}
              about={t.people.handOver}
              secret={made.password}
              onClose={() => setMade(undefined)}
            />
          )}
        </>
      )}
    </Loaded>
  );
}
