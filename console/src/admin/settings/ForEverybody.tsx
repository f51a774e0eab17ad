import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { data, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button } from "../../ui/Button.tsx";
import { Data } from "../../ui/Data.tsx";
import { ErrorNote } from "../../ui/Feedback.tsx";
import { TextArea, TextField } from "../../ui/Field.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { toast } from "../../ui/toasts.tsx";
import { Facts } from "../parts/Facts.tsx";
import { worded } from "../parts/words.ts";
import { changesOf, FORM, type Values, valuesOf } from "./values.ts";

/** The settings for everybody who signs in. */
export function ForEverybody() {
  const t = useTexts();
  const settings = useQuery({ queryKey: ["settings"], queryFn: () => data(v1.GET("/v1/settings")) });
  return (
    <section className="card stacked wide" aria-labelledby="everybody">
      <h2 id="everybody">{t.settings.everybody}</h2>
      <Loaded query={settings}>
        {({ items }) => {
          const others = items.filter(({ name }) => !FORM.includes(name));
          const saved = valuesOf(Object.fromEntries(items.map(({ name, value }) => [name, value])));
          return (
            <>
              <Form saved={saved} />
              {others.length > 0 && (
                <details>
                  <summary>{t.settings.others}</summary>
                  <Facts
                    facts={others.map(({ name, value }) => [
                      worded(t.settings.otherNames, name),
                      <Data key={name}>{value}</Data>,
                      !Object.hasOwn(t.settings.otherNames, name),
                    ])}
                  />
                </details>
              )}
            </>
          );
        }}
      </Loaded>
    </section>
  );
}

function Form({ saved }: { saved: Values }) {
  const t = useTexts();
  const queries = useQueryClient();
  // Typed values overlay the saved ones, and stay when those are read again.
  const [typed, setTyped] = useState<Partial<Values>>({});
  const values = { ...saved, ...typed };
  const set = (change: Partial<Values>) => setTyped({ ...typed, ...change });
  const changes = changesOf(saved, values);
  const save = useMutation({
    mutationFn: () => data(v1.PATCH("/v1/settings", { body: { settings: changes } })),
    onSuccess: async () => {
      toast(t.settings.saved);
      await queries.invalidateQueries({ queryKey: ["settings"] });
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }
  return (
    <form className="stacked" onSubmit={submit}>
      <div className="grid-form">
        <TextField
          label={t.settings.loginAttemptLimit}
          help={t.settings.loginAttemptLimitHelp}
          type="number"
          min={0}
          value={values.loginAttemptLimit}
          onChange={({ target }) => set({ loginAttemptLimit: target.value })}
        />
        <TextField
          label={t.settings.tempFileMaxAgeHours}
          help={t.settings.tempFileMaxAgeHoursHelp}
          type="number"
          min={0}
          step="any"
          value={values.tempFileMaxAgeHours}
          onChange={({ target }) => set({ tempFileMaxAgeHours: target.value })}
        />
      </div>
      <details>
        <summary>{t.settings.disabledTools(values.disabledTools.filter(Boolean).length)}</summary>
        <TextArea
          label={t.settings.disabledToolsLegend}
          help={t.settings.disabledToolsHelp}
          className="input mono"
          rows={4}
          value={values.disabledTools.join("\n")}
          onChange={({ target }) => set({ disabledTools: target.value.split(/[\s,]/) })}
        />
      </details>
      <ErrorNote error={save.error} />
      <div className="row">
        <Button type="submit" look="primary" disabled={save.isPending || changes.length === 0}>
          {t.common.save}
        </Button>
      </div>
    </form>
  );
}
