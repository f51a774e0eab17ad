import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { useTexts } from "../i18n/texts.ts";
import { desk } from "../studio/desk.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { isBehindDialog, isTyping } from "../ui/shortcuts.ts";

/** How often the search is looked for on a page that is still loading. */
const TRIES = 20;
const BETWEEN_MS = 50;
/** Pages of one thing, which Escape leaves for the list of all. */
const OF_ONE = /^(\/tasks|\/batches)\/[^/]+$/;

/** The keys that work on every page: `/` to search, `?` for the list of keys, Escape to go back. */
export function Shortcuts() {
  const [location, navigate] = useLocation();
  const [listed, setListed] = useState(false);

  useEffect(() => {
    function search() {
      if (focusSearch()) return;
      desk.chooseNothing();
      navigate("/");
      let tries = 0;
      const timer = setInterval(() => {
        tries += 1;
        if (focusSearch() || tries === TRIES) clearInterval(timer);
      }, BETWEEN_MS);
    }

    function back() {
      const list = OF_ONE.exec(location)?.[1];
      if (list) navigate(list);
      else if (location === "/") desk.chooseNothing();
    }

    const press = (event: KeyboardEvent) => {
      const chord = event.ctrlKey || event.metaKey || event.altKey;
      if (event.defaultPrevented || chord || isTyping(event.target) || isBehindDialog()) return;
      if (event.key === "/") search();
      else if (event.key === "?") setListed(true);
      else if (event.key === "Escape") back();
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [location, navigate]);

  return listed ? <KeyList onClose={() => setListed(false)} /> : null;
}

function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>("#content input[type=search]");
  field?.focus();
  return field !== null;
}

function KeyList({ onClose }: { onClose: () => void }) {
  const t = useTexts().keyboard;
  const rows: readonly [string, string][] = [
    ["/", t.search],
    ["Enter", t.run],
    ["Esc", t.back],
    ["← ↑ → ↓", t.move],
    ["+ − 0 1", t.zoom],
    ["?", t.list],
  ];
  return (
    <Dialog title={t.title} onClose={onClose}>
      <dl className="key-list">
        {rows.map(([key, what]) => (
          <div key={key} className="key-row">
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
