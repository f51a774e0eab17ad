import { Ban, RotateCcw, Trash2, X } from "lucide-react";
import { useTexts } from "../../i18n/texts.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { can } from "../actions.ts";
import type { TaskItem } from "../model.ts";
import type { TaskActions } from "./useTaskActions.tsx";

const SHOWN = [
  { action: "cancel", text: "cancelAll", icon: Ban },
  { action: "rerun", text: "rerunAll", icon: RotateCcw },
  { action: "delete", text: "deleteAll", icon: Trash2 },
] as const;

/** The actions on the selected tasks: each says to how many of them it applies. */
export function SelectionBar({
  tasks,
  actions,
  onClear,
}: {
  tasks: readonly TaskItem[];
  actions: TaskActions;
  onClear: () => void;
}) {
  const t = useTexts();
  return (
    <section className="task-selection" aria-label={t.common.actions}>
      <span role="status">{t.tasks.selected(tasks.length)}</span>
      {SHOWN.map(({ action, text, icon: Icon }) => {
        const count = tasks.filter((task) => can(action, task)).length;
        if (!count) return null;
        return (
          <Button
            key={action}
            small
            look={action === "delete" ? "danger" : undefined}
            disabled={actions.busy}
            onClick={() => actions.start(action, tasks)}
          >
            <Icon aria-hidden />
            {t.tasks[text](count)}
          </Button>
        );
      })}
      <IconButton label={t.tasks.unselect} look="quiet" small onClick={onClear}>
        <X aria-hidden />
      </IconButton>
    </section>
  );
}
