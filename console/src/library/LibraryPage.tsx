import "../styles/library.css";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Images, SearchX, Sparkles } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { may, useMe } from "../api/me.ts";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { Empty, ErrorNote } from "../ui/Feedback.tsx";
import { TextField } from "../ui/Field.tsx";
import { Loaded } from "../ui/Loaded.tsx";
import { Page } from "../ui/Page.tsx";
import { More } from "../ui/paging.tsx";
import { useLater } from "../ui/useLater.ts";
import { deleteChains, download, useInStudio, useLibrary } from "./calls.ts";
import { FileCard } from "./FileCard.tsx";
import { type LibraryFile, libraryChanged } from "./keeping.ts";
import { VersionsDialog } from "./VersionsDialog.tsx";

/** Files that people keep. */
export default function LibraryPage() {
  const t = useTexts();
  const queries = useQueryClient();
  const writes = may(useMe(), "files:write");
  const [typed, setTyped] = useState("");
  const search = useLater(typed.trim());
  const library = useLibrary(search);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [shown, setShown] = useState<LibraryFile>();
  const studio = useInStudio();
  const downloading = useMutation({ mutationFn: download });
  const files = library.data?.pages.flatMap((page) => page.items);
  const total = library.data?.pages.at(-1)?.total ?? 0;

  async function remove(ids: readonly string[]) {
    await deleteChains(ids);
    setChosen((before) => before.filter((id) => !ids.includes(id)));
    await libraryChanged(queries);
  }

  return (
    <Page title={t.nav.library} about={t.library.about}>
      <div className="library-bar">
        <TextField
          label={t.common.search}
          type="search"
          value={typed}
          maxLength={1000}
          placeholder={t.library.searchHint}
          onChange={({ target }) => setTyped(target.value)}
        />
        <p className="muted" role="status">
          {files && t.library.count(total)}
        </p>
      </div>
      {chosen.length > 0 && (
        <section className="chosen-bar" aria-label={t.library.chosen(chosen.length)}>
          <strong role="status">{t.library.chosen(chosen.length)}</strong>
          <Button small onClick={() => setChosen([])}>
            {t.library.choseNone}
          </Button>
          <Button small look="primary" disabled={studio.isPending || !writes} onClick={() => studio.mutate(chosen)}>
            <Sparkles aria-hidden />
            {t.library.use}
          </Button>
          <ConfirmButton
            label={t.library.deleteChosen}
            title={t.library.deleteHowMany(chosen.length)}
            text={t.library.deleteWhat}
            action={t.common.delete}
            disabled={!writes}
            run={() => remove(chosen)}
          />
        </section>
      )}
      <ErrorNote error={studio.error ?? downloading.error} />
      <Loaded query={{ data: files, error: library.error, refetch: library.refetch }}>
        {(all) =>
          all.length ? (
            <>
              <ul className="library-grid">
                {all.map((file) => (
                  <FileCard
                    key={file.id}
                    file={file}
                    chosen={chosen.includes(file.id)}
                    onChoose={(is) => setChosen(is ? [...chosen, file.id] : chosen.filter((id) => id !== file.id))}
                    onShow={() => setShown(file)}
                    onDownload={() => downloading.mutate(file.id)}
                  />
                ))}
              </ul>
              <More
                pages={{
                  hasMore: library.hasNextPage,
                  loadsMore: library.isFetchingNextPage,
                  more: () => void library.fetchNextPage(),
                  error: null,
                }}
              />
            </>
          ) : search ? (
            <Empty icon={<SearchX aria-hidden />}>{t.library.notFound(search)}</Empty>
          ) : (
            <Empty icon={<Images aria-hidden />}>
              <p>{t.library.none}</p>
              <Link href="/" className="button">
                {t.nav.studio}
              </Link>
            </Empty>
          )
        }
      </Loaded>
      {shown && (
        <VersionsDialog
          of={shown}
          onUse={writes ? (id) => studio.mutate([id]) : undefined}
          onDelete={writes ? () => remove([shown.id]).then(() => setShown(undefined)) : undefined}
          busy={studio.isPending}
          onClose={() => setShown(undefined)}
        />
      )}
    </Page>
  );
}
