import { useMutation, useQuery } from "@tanstack/react-query";
import { Download, LibraryBig, Undo2 } from "lucide-react";
import { useCallback, useEffect, useId, useMemo, useState } from "react";
import { may, useMe } from "../api/me.ts";
import { BrushField } from "../forms/BrushField.tsx";
import { type MaskSize, maskSize, type Stroke } from "../forms/mask.ts";
import { StrokeCanvas, USUAL } from "../forms/StrokeCanvas.tsx";
import { useTexts } from "../i18n/texts.ts";
import { useSavingMade } from "../library/saving.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { ErrorNote, Loading, Note } from "../ui/Feedback.tsx";
import { toast } from "../ui/toasts.tsx";
import { downloadFile, type ViewedFile } from "./files.ts";
import { retouchedName, retouchedPng, retouching, type Touch } from "./retouching.ts";

/** Erase and restore parts of a cut-out with a brush, and save it as a new file. */
export function Retouch({ file, original, onClose }: { file: ViewedFile; original: string; onClose: () => void }) {
  const t = useTexts().viewer.retouch;
  const pictures = useQuery({
    queryKey: ["retouch", original, file.url],
    queryFn: async () => ({ original: await loaded(original), result: await loaded(file.url) }),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return (
    <Dialog title={t.open} wide onClose={onClose}>
      {pictures.isPending && <Loading />}
      {pictures.isError && <Note tone="warn">{t.unreadable}</Note>}
      {pictures.data && <Painter {...pictures.data} file={file} src={original} onClose={onClose} />}
    </Dialog>
  );
}

function Painter({
  original,
  result,
  file,
  src,
  onClose,
}: {
  original: HTMLImageElement;
  result: HTMLImageElement;
  file: ViewedFile;
  src: string;
  onClose: () => void;
}) {
  const t = useTexts().viewer.retouch;
  const brushes = useTexts().forms.mask;
  const full: MaskSize = { width: result.naturalWidth, height: result.naturalHeight };
  const size = useMemo(() => maskSize(result.naturalWidth, result.naturalHeight), [result]);
  const drawn = useMemo(() => retouching(original, result, size), [original, result, size]);
  const [touches, setTouches] = useState<readonly Touch[]>([]);
  const [restores, setRestores] = useState(false);
  const [brush, setBrush] = useState<number>(USUAL);
  const draw = useCallback(
    (canvas: CanvasRenderingContext2D, _size: MaskSize, strokes: readonly Stroke[]) =>
      drawn.draw(
        canvas,
        strokes.map((stroke, at) => touches[at] ?? { ...stroke, restores }),
      ),
    [drawn, touches, restores],
  );

  return (
    <div className="drawing">
      <p className="muted">{t.hint}</p>
      <div className="drawing-area retouch">
        <img src={src} alt="" draggable={false} />
        <StrokeCanvas
          size={size}
          strokes={touches}
          brush={brush}
          label={t.area}
          draw={draw}
          onStroke={(stroke) => setTouches([...touches, { ...stroke, restores }])}
        />
      </div>
      <div className="row">
        <Tools restores={restores} onRestores={setRestores} />
        <BrushField brush={brush} onBrush={setBrush} />
        <Button small disabled={!touches.length} onClick={() => setTouches(touches.slice(0, -1))}>
          <Undo2 aria-hidden />
          {brushes.undo}
        </Button>
      </div>
      <p className="help">{brushes.keys}</p>
      <Saving
        name={retouchedName(file.name)}
        png={() => retouchedPng(original, result, full, touches)}
        touched={touches.length > 0}
        onClose={onClose}
      />
    </div>
  );
}

/** Whether the brush erases or restores. */
function Tools({ restores, onRestores }: { restores: boolean; onRestores: (restores: boolean) => void }) {
  const t = useTexts().viewer.retouch;
  const id = useId();
  return (
    <fieldset className="segments">
      <legend className="hidden-visually">{t.tool}</legend>
      {[false, true].map((value) => (
        <label key={String(value)}>
          <input
            type="radio"
            className="hidden-visually"
            name={id}
            checked={restores === value}
            onChange={() => onRestores(value)}
          />
          <span>{value ? t.restore : t.erase}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Saving({
  name,
  png,
  touched,
  onClose,
}: {
  name: string;
  png: () => Promise<Blob>;
  touched: boolean;
  onClose: () => void;
}) {
  const t = useTexts();
  const me = useMe();
  const [url, setUrl] = useState<string>();
  useEffect(() => () => URL.revokeObjectURL(url ?? ""), [url]);
  const downloading = useMutation({
    mutationFn: async () => {
      const made = URL.createObjectURL(await png());
      setUrl(made);
      downloadFile({ name, url: made });
    },
  });
  const keep = useSavingMade();
  const saving = useMutation({
    mutationFn: async () => keep(new File([await png()], name, { type: "image/png" })),
    onSuccess: () => {
      toast(t.viewer.retouch.saved(name));
      onClose();
    },
  });
  const busy = downloading.isPending || saving.isPending;
  return (
    <>
      <ErrorNote error={downloading.error ?? saving.error} />
      <div className="dialog-foot">
        <Button disabled={!touched || busy} onClick={() => downloading.mutate()}>
          <Download aria-hidden />
          {t.common.download}
        </Button>
        {may(me, "files:write") && (
          <Button look="primary" disabled={!touched || busy} onClick={() => saving.mutate()}>
            <LibraryBig aria-hidden />
            {t.viewer.retouch.save}
          </Button>
        )}
      </div>
    </>
  );
}

/** A picture whose pixels the page may read. Throws if the browser cannot load it so. */
async function loaded(url: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.crossOrigin = "anonymous";
  image.src = url;
  await image.decode();
  return image;
}
