import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Archive, Ban, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { body, data, v1 } from "../../api/client.ts";
import { may, useMe } from "../../api/me.ts";
import { useTexts } from "../../i18n/texts.ts";
import { Button, ButtonLink } from "../../ui/Button.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import { ErrorNote, Note } from "../../ui/Feedback.tsx";
import { toast } from "../../ui/toasts.tsx";
import { keys } from "../keys.ts";
import { eachList } from "../live.ts";
import { withoutBatch } from "../merge.ts";
import type { Batch } from "../model.ts";
import { useArchive } from "../useArchive.ts";

/** The actions on a whole batch: `buttons` for the head of its page, `news` for its body. */
export function useBatchActions(id: string, batch: Batch | undefined): { buttons: ReactNode; news: ReactNode } {
  const t = useTexts();
  const mayWrite = may(useMe(), "tasks:write");
  const [asked, setAsked] = useState<"cancel" | "delete">();
  const archive = useArchive(id);
  const { cancel, remove } = useBatchCalls(id);
  const ended = batch?.status === "Completed";

  function confirmed() {
    if (asked === "delete") remove.mutate();
    else cancel.mutate();
    setAsked(undefined);
  }

  const buttons = batch && mayWrite && (
    <>
      {(batch.succeeded ?? 0) > 0 && (
        <Button look="primary" onClick={() => archive.mutate()} disabled={archive.isPending}>
          <Archive aria-hidden />
          {t.batches.zip}
        </Button>
      )}
      {ended ? (
        <Button look="danger" onClick={() => setAsked("delete")} disabled={remove.isPending}>
          <Trash2 aria-hidden />
          {t.batches.delete}
        </Button>
      ) : (
        <Button look="danger" onClick={() => setAsked("cancel")} disabled={cancel.isPending}>
          <Ban aria-hidden />
          {t.batches.cancel}
        </Button>
      )}
    </>
  );
  const news = (
    <>
      <div className="task-news" role="status">
        {archive.isPending && <Note>{t.batches.zipping}</Note>}
        {archive.data?.download_url && (
          <Note tone="good">
            {t.batches.zipReady}
            <div>
              <ButtonLink small href={archive.data.download_url} download={archive.data.name}>
                {t.batches.zipGet}
              </ButtonLink>
            </div>
          </Note>
        )}
      </div>
      <ErrorNote error={archive.error} onRetry={() => archive.mutate()} />
      <ErrorNote error={cancel.error} />
      <ErrorNote error={remove.error} />
      {asked && (
        <Confirm
          title={asked === "delete" ? t.batches.deleting : t.batches.cancelling}
          text={asked === "delete" ? t.batches.deletingWhy : t.tasks.cancellingWhy}
          action={asked === "delete" ? t.batches.delete : t.batches.cancel}
          onConfirm={confirmed}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  );
  return { buttons, news };
}

function useBatchCalls(id: string) {
  const t = useTexts();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const path = { id };
  const cancel = useMutation({
    mutationFn: () => data(v1.POST("/v1/batches/{id}/cancel", { params: { path } })),
    onSettled: () => refresh(),
  });
  const remove = useMutation({
    mutationFn: () => body(v1.DELETE("/v1/batches/{id}", { params: { path } })),
    onSuccess: () => {
      eachList(queries, (pages) => withoutBatch(pages, id));
      toast(t.batches.deleted);
      navigate("/batches", { replace: true });
      void queries.invalidateQueries({ queryKey: keys.batchList });
    },
  });
  async function refresh() {
    await Promise.all([
      queries.invalidateQueries({ queryKey: keys.batches }),
      queries.invalidateQueries({ queryKey: keys.tasks }),
    ]);
  }
  return { cancel, remove };
}
