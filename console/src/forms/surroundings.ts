import { createContext, type ReactNode, useContext } from "react";
import { useFormats } from "../i18n/format.ts";
import { useTexts } from "../i18n/texts.ts";
import type { FormField } from "./entries.ts";
import type { Fault } from "./faults.ts";

/** The props of each control. */
export type ControlProps = {
  field: FormField;
  /** Where it is in the settings, such as `effects.shadow`. */
  path: string;
  /** The chosen value, or else the default. */
  value: unknown;
  /** Undefined: as if nothing had been set. */
  onChange: (value: unknown) => void;
};

/** The context of a form's controls besides their own values. */
export type Surroundings = {
  faults: readonly Fault[];
  errors: Readonly<Record<string, string>>;
  picture?: string | undefined;
  renderFile?: ((field: FormField, value: unknown, onChange: (value: unknown) => void) => ReactNode) | undefined;
};

export const FormContext = createContext<Surroundings>({ faults: [], errors: {} });

export function useSurroundings(): Surroundings {
  return useContext(FormContext);
}

/** The problem with a field, in words: from the server, or found here. An empty field is not reported yet. */
export function useFieldError(path: string): string | undefined {
  const { faults, errors } = useSurroundings();
  const inWords = useFaultWords();
  const fault = faults.find((each) => each.path === path && each.kind !== "missing" && each.kind !== "either");
  return errors[path] ?? (fault && inWords(fault));
}

/** Says what is wrong; `names` are the labels of the fields of an `either`. */
export function useFaultWords(): (fault: Fault, names?: readonly string[]) => string {
  const t = useTexts().forms;
  const { number } = useFormats();
  return (fault, names = fault.names ?? []) => {
    const limit = number(fault.limit ?? 0);
    switch (fault.kind) {
      case "either":
        return t.either(names.join(", "));
      case "least":
      case "above":
      case "most":
      case "short":
      case "long":
      case "rows":
        return t[fault.kind](limit);
      default:
        return t[fault.kind];
    }
  };
}
