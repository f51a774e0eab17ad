import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { body, snapotter } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { ConfirmButton } from "../../ui/ConfirmButton.tsx";
import { ErrorNote } from "../../ui/Feedback.tsx";
import { Field } from "../../ui/Field.tsx";
import { Loaded } from "../../ui/Loaded.tsx";
import { toast } from "../../ui/toasts.tsx";

/** The logo that pages of this installation may show. Everybody can see it, also without signing in. */
export function Logo() {
  const t = useTexts();
  const queries = useQueryClient();
  const settings = useQuery({ queryKey: ["settings"], queryFn: () => body(snapotter.GET("/api/v1/settings")) });
  // The path stays when the picture changes, so the browser has to know that it is another one.
  const [version, setVersion] = useState(0);
  async function changed() {
    setVersion((last) => last + 1);
    await queries.invalidateQueries({ queryKey: ["settings"] });
  }
  const upload = useMutation({
    mutationFn: (file: File) => {
      const form = new FormData();
      form.append("file", file);
      return body(snapotter.POST("/api/v1/settings/logo", { body: { file: [file.name] }, bodySerializer: () => form }));
    },
    onSuccess: async () => {
      toast(t.settings.logoSaved);
      await changed();
    },
  });
  async function remove() {
    await body(snapotter.DELETE("/api/v1/settings/logo"));
    await changed();
  }
  return (
    <section className="card stacked" aria-labelledby="logo">
      <h2 id="logo">{t.settings.logo}</h2>
      <p className="muted">{t.settings.logoWhat}</p>
      <Loaded query={settings}>
        {({ settings: set }) =>
          String(set.customLogo) === "true" ? (
            <div className="row">
              <img className="logo" src={`/api/v1/settings/logo?version=${version}`} alt={t.settings.logo} />
              <ConfirmButton label={t.settings.removeLogo} action={t.common.remove} run={remove} />
            </div>
          ) : (
            <p>{t.settings.noLogo}</p>
          )
        }
      </Loaded>
      <Field label={t.settings.uploadLogo}>
        {(joined) => (
          <input
            className="input"
            type="file"
            accept="image/*"
            disabled={upload.isPending}
            onChange={({ target }) => {
              const file = target.files?.[0];
              if (file) upload.mutate(file);
              target.value = "";
            }}
            {...joined}
          />
        )}
      </Field>
      <ErrorNote error={upload.error} />
    </section>
  );
}
