import {
  Activity,
  Boxes,
  FileClock,
  Gauge,
  Images,
  KeyRound,
  ListChecks,
  ShieldCheck,
  Sparkles,
  Users,
  Webhook,
  Workflow,
} from "lucide-react";
import { type ComponentType, type LazyExoticComponent, lazy, type ReactNode } from "react";
import type { Texts } from "../i18n/texts.ts";

type NavName = Exclude<keyof Texts["nav"], "label" | "work" | "account" | "operator">;

export type PageRoute = {
  path: string;
  /** The class around the page, below which its stylesheets define theirs (`.area-tasks`). */
  area: "studio" | "tasks" | "pipelines" | "library" | "admin";
  page: LazyExoticComponent<ComponentType>;
  /** The entry of the navigation; pages without one are reached from others. */
  nav?: { name: NavName; icon: ReactNode; group: "work" | "account" | "operator" };
  /** The scope or permission without which the page is of no use, and is not offered. */
  needs?: string;
};

/** Every page. Each is loaded when it is opened first. */
export const ROUTES: readonly PageRoute[] = [
  {
    path: "/",
    area: "studio",
    page: lazy(() => import("../studio/StudioPage.tsx")),
    nav: { name: "studio", icon: <Sparkles />, group: "work" },
  },
  {
    path: "/tasks",
    area: "tasks",
    page: lazy(() => import("../tasks/TasksPage.tsx")),
    nav: { name: "tasks", icon: <ListChecks />, group: "work" },
    needs: "tasks:read",
  },
  { path: "/tasks/:id", area: "tasks", page: lazy(() => import("../tasks/TaskPage.tsx")), needs: "tasks:read" },
  {
    path: "/batches",
    area: "tasks",
    page: lazy(() => import("../tasks/BatchesPage.tsx")),
    nav: { name: "batches", icon: <Boxes />, group: "work" },
    needs: "tasks:read",
  },
  { path: "/batches/:id", area: "tasks", page: lazy(() => import("../tasks/BatchPage.tsx")), needs: "tasks:read" },
  {
    path: "/pipelines",
    area: "pipelines",
    page: lazy(() => import("../pipelines/PipelinesPage.tsx")),
    nav: { name: "pipelines", icon: <Workflow />, group: "work" },
    needs: "tasks:write",
  },
  {
    path: "/pipelines/:id",
    area: "pipelines",
    page: lazy(() => import("../pipelines/PipelinePage.tsx")),
    needs: "tasks:write",
  },
  {
    path: "/library",
    area: "library",
    page: lazy(() => import("../library/LibraryPage.tsx")),
    nav: { name: "library", icon: <Images />, group: "work" },
    needs: "files:read",
  },
  {
    path: "/usage",
    area: "admin",
    page: lazy(() => import("../admin/UsagePage.tsx")),
    nav: { name: "usage", icon: <Gauge />, group: "account" },
    needs: "billing:read",
  },
  {
    path: "/keys",
    area: "admin",
    page: lazy(() => import("../admin/KeysPage.tsx")),
    nav: { name: "keys", icon: <KeyRound />, group: "account" },
  },
  {
    path: "/webhooks",
    area: "admin",
    page: lazy(() => import("../admin/WebhooksPage.tsx")),
    nav: { name: "webhooks", icon: <Webhook />, group: "account" },
    needs: "webhooks:read",
  },
  {
    path: "/people",
    area: "admin",
    page: lazy(() => import("../admin/PeoplePage.tsx")),
    nav: { name: "people", icon: <Users />, group: "account" },
    needs: "users:manage",
  },
  {
    path: "/roles",
    area: "admin",
    page: lazy(() => import("../admin/RolesPage.tsx")),
    nav: { name: "roles", icon: <ShieldCheck />, group: "account" },
    needs: "users:manage",
  },
  {
    path: "/audit",
    area: "admin",
    page: lazy(() => import("../admin/AuditPage.tsx")),
    nav: { name: "audit", icon: <FileClock />, group: "account" },
    needs: "audit:read",
  },
  {
    path: "/system",
    area: "admin",
    page: lazy(() => import("../admin/SystemPage.tsx")),
    nav: { name: "system", icon: <Activity />, group: "operator" },
    needs: "system:health",
  },
  { path: "/settings", area: "admin", page: lazy(() => import("../admin/SettingsPage.tsx")) },
];
