import { BookOpen, Languages, LogOut, Menu as MenuIcon, Settings, SunMoon, UserRound } from "lucide-react";
import { type ReactNode, useContext, useState } from "react";
import { Link, useLocation } from "wouter";
import { v1 } from "../api/client.ts";
import { may, useMe } from "../api/me.ts";
import { session } from "../api/session.ts";
import { LANGUAGES, type Language, TextsContext, useTexts } from "../i18n/texts.ts";
import { icon } from "../ui/assets.ts";
import { IconButton } from "../ui/Button.tsx";
import { Menu } from "../ui/Menu.tsx";
import { ROUTES } from "./routes.tsx";
import { applyTheme, type Theme } from "./theme.ts";

const GROUPS = ["work", "account", "operator"] as const;

/** The frame of every page: the bar above it and the navigation next to it, which a phone shows on demand. */
export function Shell({ children }: { children: ReactNode }) {
  const t = useTexts();
  const [open, setOpen] = useState(false);
  return (
    <div className="shell">
      <button type="button" className="skip button" onClick={() => document.getElementById("content")?.focus()}>
        {t.common.skip}
      </button>
      <header className="bar">
        <IconButton
          label={t.common.menu}
          look="quiet"
          className="only-narrow"
          aria-expanded={open}
          aria-controls="navigation"
          onClick={() => setOpen(!open)}
        >
          <MenuIcon />
        </IconButton>
        <Link href="/" className="brand">
          <img src={icon} alt="" width="26" height="26" />
          Darkroom
        </Link>
        <span className="grow" />
        <LanguageMenu />
        <ThemeMenu />
        <UserMenu />
      </header>
      <Navigation open={open} onLeave={() => setOpen(false)} />
      <main id="content" className="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Navigation({ open, onLeave }: { open: boolean; onLeave: () => void }) {
  const t = useTexts();
  const me = useMe();
  const [location] = useLocation();
  return (
    <nav id="navigation" className={open ? "side open" : "side"} aria-label={t.nav.label}>
      {GROUPS.map((group) => {
        const entries = ROUTES.filter((route) => route.nav?.group === group && (!route.needs || may(me, route.needs)));
        if (!entries.length) return null;
        return (
          <section key={group} aria-label={t.nav[group]}>
            <h2>{t.nav[group]}</h2>
            <ul>
              {entries.map(({ path, nav }) => {
                const here = path === "/" ? location === "/" : location === path || location.startsWith(`${path}/`);
                return (
                  nav && (
                    <li key={path}>
                      <Link href={path} aria-current={here ? "page" : undefined} onClick={onLeave}>
                        {nav.icon}
                        {t.nav[nav.name]}
                      </Link>
                    </li>
                  )
                );
              })}
            </ul>
          </section>
        );
      })}
      <a className="docs" href="/docs" target="_blank" rel="noreferrer">
        <BookOpen aria-hidden />
        {t.nav.docs}
      </a>
    </nav>
  );
}

function LanguageMenu() {
  const t = useTexts();
  const { choose } = useContext(TextsContext);
  const items = (Object.keys(LANGUAGES) as Language[]).map((language) => ({
    key: language,
    label: LANGUAGES[language],
    onSelect: () => choose(language),
  }));
  return (
    <Menu
      trigger={
        <IconButton label={t.language.label} look="quiet">
          <Languages />
        </IconButton>
      }
      items={items}
    />
  );
}

function ThemeMenu() {
  const t = useTexts();
  const themes: readonly Theme[] = ["system", "light", "dark"];
  return (
    <Menu
      trigger={
        <IconButton label={t.theme.label} look="quiet">
          <SunMoon />
        </IconButton>
      }
      items={themes.map((theme) => ({ key: theme, label: t.theme[theme], onSelect: () => applyTheme(theme) }))}
    />
  );
}

function UserMenu() {
  const t = useTexts();
  const me = useMe();
  const [, navigate] = useLocation();
  const name = me?.user?.name ?? me?.account_name ?? "";
  async function leave() {
    // For any answer of the server, this page forgets the token.
    await v1.DELETE("/v1/sessions/current").catch(() => {});
    session.leave();
  }
  return (
    <Menu
      trigger={
        <IconButton label={t.signIn.as(name)} look="quiet">
          <UserRound />
        </IconButton>
      }
      items={[
        { key: "settings", label: t.nav.settings, icon: <Settings />, onSelect: () => navigate("/settings") },
        { key: "out", label: t.signIn.out, icon: <LogOut />, onSelect: () => void leave() },
      ]}
    />
  );
}
