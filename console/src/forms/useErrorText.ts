import { withoutField } from "../api/errors.ts";
import { errorText } from "../i18n/said.ts";
import type { ServerError } from "../i18n/server.ts";
import { useTexts } from "../i18n/texts.ts";
import { useNames } from "./names.ts";
import { fieldOf } from "./paths.ts";

/** The text of a refusal for people, who know the field by its label. */
export function useErrorText(): (error: ServerError) => string {
  const t = useTexts();
  const names = useNames();
  return (error) => {
    const name = error.field
      ? fieldOf(error.field)
          .field.replace(/\[\d+\]/g, "")
          .split(".")
          .at(-1)
      : undefined;
    const label = name && names.field(name);
    return errorText(t, { ...error, message: withoutField(error) }, label || undefined);
  };
}
