import { SquareDashedMousePointer } from "lucide-react";
import { useTexts } from "../i18n/texts.ts";
import type { RunInput } from "../runs/types.ts";
import { Button } from "../ui/Button.tsx";
import { drawBoxes } from "./noMark.ts";

/** Leads from a file without a mark that is found by itself to its form, where a box can be drawn around one. */
export function DrawBoxes({ input, onDone }: { input: RunInput; onDone: () => void }) {
  const t = useTexts();
  return (
    <p>
      <Button
        small
        onClick={() => {
          drawBoxes(input);
          onDone();
        }}
      >
        <SquareDashedMousePointer aria-hidden />
        {t.studio.drawBoxes}
      </Button>
    </p>
  );
}
