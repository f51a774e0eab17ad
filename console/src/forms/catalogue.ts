import { useQuery } from "@tanstack/react-query";
import { useLanguage } from "../i18n/texts.ts";
import type { Category, Choice, FormEntry, Forms } from "./entries.ts";
import { translated } from "./translation.ts";

/** The forms of all tools and operations, by their ids. */
export class Catalogue {
  readonly forms: Forms;
  private readonly tools: ReadonlyMap<string, FormEntry>;
  private readonly operations: ReadonlyMap<string, FormEntry>;

  constructor(forms: Forms) {
    this.forms = forms;
    this.tools = new Map(forms.tools.map((entry) => [entry.id, entry]));
    this.operations = new Map(forms.operations.map((entry) => [entry.id, entry]));
  }

  entry(choice: Choice): FormEntry | undefined {
    return (choice.kind === "tool" ? this.tools : this.operations).get(choice.id);
  }

  /** The form for the parameters of an operation: its own, or that of the tool which does nothing else. */
  ofOperation(id: string): Chosen | undefined {
    const entry = this.operations.get(id);
    if (entry) return { kind: "operation", id, entry };
    const tool = this.forms.tools.find(({ operation }) => operation === id);
    return tool && { kind: "tool", id: tool.id, entry: tool };
  }

  /** Every operation with a form. */
  operationIds(): readonly string[] {
    return [
      ...this.forms.operations.map(({ id }) => id),
      ...this.forms.tools.flatMap(({ operation }) => operation ?? []),
    ];
  }

  /**
   * The choices of a person: without second names of tools, steps of them, and calls that are not tasks. Where a tool and an operation are the
   * same, it is the operation.
   */
  choices(): readonly Chosen[] {
    const tools = this.forms.tools.filter(
      (entry) =>
        entry.runs_as_task !== false &&
        !entry.same_as &&
        !entry.part_of &&
        !this.operations.has(entry.id.replaceAll("-", "_")),
    );
    return [
      ...this.forms.operations.map((entry) => ({ kind: "operation" as const, id: entry.id, entry })),
      ...tools.map((entry) => ({ kind: "tool" as const, id: entry.id, entry })),
    ];
  }

  get categories(): readonly Category[] {
    return this.forms.categories;
  }
}

/** A choice, with its form. */
export type Chosen = Choice & { entry: FormEntry };

/** In the page's language; undefined until it is there. It is a chunk of its own, loaded when it is needed first. */
export function useCatalogue(): Catalogue | undefined {
  const language = useLanguage();
  return useQuery({
    queryKey: ["forms", language],
    queryFn: async () => {
      const forms = (await import("../../generated/forms.json")).default as unknown as Forms;
      if (language === "en") return new Catalogue(forms);
      return new Catalogue(translated(forms, (await import("../i18n/zh/forms/index.ts")).formsZh));
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
    throwOnError: true,
  }).data;
}

export function toolOf(catalogue: Catalogue | undefined, choice: Choice): FormEntry | undefined {
  return catalogue?.entry(choice);
}
