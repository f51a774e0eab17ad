import { data, v1 } from "../../api/client.ts";
import { useTexts } from "../../i18n/texts.ts";
import { SelectField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { useOnce } from "../parts/useOnce.ts";
import type { Key } from "./state.ts";

const HOUR = 3600;
/** 24 hours are what the API itself takes. */
const OVERLAPS = [0, HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR] as const;

export function RotateKey({
  of,
  onMade,
  onClose,
}: {
  of: Key;
  onMade: (key: Key, secret: string) => Promise<void>;
  onClose: () => void;
}) {
  const t = useTexts();
  const onceFor = useOnce();
  async function submit(given: FormData) {
    const body = { overlap_seconds: Number(given.get("overlap")) };
    const made = await data(
      v1.POST("/v1/keys/{id}/rotate", { params: { path: { id: of.id } }, body, ...onceFor(body) }),
    );
    await onMade(made.key, made.secret);
  }
  return (
    <FormDialog title={t.keys.rotateNamed(of.name)} action={t.keys.rotate} submit={submit} onClose={onClose}>
      <p>{t.keys.rotateWhat}</p>
      <SelectField
        label={t.keys.overlap}
        name="overlap"
        defaultValue={24 * HOUR}
        options={OVERLAPS.map((seconds) => ({
          value: String(seconds),
          label:
            seconds === 0
              ? t.keys.noOverlap
              : seconds < 24 * HOUR
                ? t.keys.hours(seconds / HOUR)
                : t.keys.inDays(seconds / 24 / HOUR),
        }))}
      />
    </FormDialog>
  );
}
