import { Save } from "lucide-react";
import { useState } from "react";
import type { FormEntry } from "../forms/entries.ts";
import { useTexts } from "../i18n/texts.ts";
import { stepsOf } from "../pipelines/draft.ts";
import { usePipelines, useSavePipeline } from "../pipelines/queries.ts";
import type { Choice } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { Data } from "../ui/Data.tsx";
import { TextField } from "../ui/Field.tsx";
import { FormDialog } from "../ui/FormDialog.tsx";
import { toast } from "../ui/toasts.tsx";
import { sendable } from "./extraFiles.ts";

/** Settings of this operation that were saved under a name, as pipelines of one step; and a button that saves the present ones. */
export function SavedSettings({
  choice,
  entry,
  valid,
  onPick,
}: {
  choice: Choice;
  entry: FormEntry;
  valid: boolean;
  onPick: (settings: Record<string, unknown>) => void;
}) {
  const t = useTexts();
  const pipelines = usePipelines();
  const saving = useSavePipeline();
  const [asks, setAsks] = useState(false);
  const saved = (pipelines.data ?? []).flatMap((pipeline) => {
    const [step, ...others] = stepsOf(pipeline);
    return step?.id === choice.id && !others.length
      ? [{ id: pipeline.id, name: pipeline.name, settings: step.settings }]
      : [];
  });
  return (
    <div className="row saved-settings">
      {saved.map(({ id, name, settings }) => (
        <button
          key={id}
          type="button"
          className="chip"
          aria-pressed={JSON.stringify(settings) === JSON.stringify(choice.settings)}
          onClick={() => onPick(settings)}
        >
          <Data>{name}</Data>
        </button>
      ))}
      {valid && Object.keys(choice.settings).length > 0 && (
        <Button small look="quiet" onClick={() => setAsks(true)}>
          <Save aria-hidden />
          {t.studio.saveSettings}
        </Button>
      )}
      {asks && (
        <FormDialog
          title={t.studio.saveSettings}
          action={t.common.save}
          onClose={() => setAsks(false)}
          submit={async (given) => {
            const name = String(given.get("name")).trim();
            await saving.mutateAsync({ name, description: "", steps: [sendable(choice, entry)] });
            toast(t.studio.settingsSaved(name));
          }}
        >
          <TextField label={t.common.name} name="name" required maxLength={100} />
        </FormDialog>
      )}
    </div>
  );
}
