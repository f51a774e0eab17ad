import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { body, data, v1 } from "../../api/client.ts";
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
  const branding = useQuery({ queryKey: ["branding"], queryFn: () => data(v1.GET("/v1/branding")) });
  const changed = () => queries.invalidateQueries({ queryKey: ["branding"] });
  const upload = useMutation({
    mutationFn: (file: File) => {
      const form = new FormData();
      form.append("file", file);
      return body(v1.POST("/v1/branding/logo", { body: {}, bodySerializer: () => form }));
    },
    onSuccess: async () => {
      toast(t.settings.logoSaved);
      await changed();
    },
  });
  async function remove() {
    await body(v1.DELETE("/v1/branding/logo"));
    await changed();
  }
  return (
    <section className="card stacked" aria-labelledby="logo">
      <h2 id="logo">{t.settings.logo}</h2>
      <p className="muted">{t.settings.logoWhat}</p>
      <Loaded query={branding}>
        {({ logo_path: path }) =>
          path ? (
            <div className="row">
              <img className="logo" src={path} alt={t.settings.logo} />
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
