import { BoxDrawer } from "../BoxDrawer.tsx";
import type { Box } from "../boxes.ts";
import type { FormField } from "../entries.ts";
import { useFieldError, useSurroundings } from "../surroundings.ts";
import { list, record } from "../values.ts";
import { useAbout } from "./about.tsx";
import { ListControl, type ListProps } from "./ListControl.tsx";

const SIDES: readonly FormField[] = (["x1", "y1", "x2", "y2"] as const).map((name) => ({
  name,
  label: name,
  type: "number",
  min: 0,
  max: 100,
  unit: "%",
  required: true,
}));

/** Boxes in a picture: drawn on it if there is one to draw on, or else as numbers. */
export function BoxesControl(props: ListProps) {
  const { field, path, value, onChange } = props;
  const { picture } = useSurroundings();
  const { label } = useAbout(field);
  const error = useFieldError(path);
  if (!picture) return <ListControl {...props} field={{ ...field, type: "list", fields: SIDES }} />;
  return (
    <fieldset className="settings-group">
      <legend>{label}</legend>
      <BoxDrawer src={picture} boxes={list(value).map(boxOf)} onChange={onChange} max={field.max_items} />
      {error && (
        <span className="error" role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}

function boxOf(value: unknown): Box {
  const { x1, y1, x2, y2 } = record(value);
  return { x1: Number(x1), y1: Number(y1), x2: Number(x2), y2: Number(y2) };
}
