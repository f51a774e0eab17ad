import { audit } from "./audit.ts";
import { batches } from "./batches.ts";
import { common, language, nav, theme } from "./common.ts";
import { forms } from "./forms.ts";
import { keyboard } from "./keyboard.ts";
import { keys } from "./keys.ts";
import { library } from "./library.ts";
import { people } from "./people.ts";
import { pipelines } from "./pipelines.ts";
import { roles } from "./roles.ts";
import { serverEn } from "./server.ts";
import { settings } from "./settings.ts";
import { signIn } from "./signIn.ts";
import { studio } from "./studio.ts";
import { system } from "./system.ts";
import { tasks } from "./tasks.ts";
import { uploads } from "./uploads.ts";
import { usage } from "./usage.ts";
import { viewer } from "./viewer.ts";
import { webhooks } from "./webhooks.ts";

/** English. A section a part of the page; a text with a number or a name in it is a function. */
export const en = {
  server: serverEn,
  common,
  nav,
  theme,
  language,
  signIn,
  forms,
  viewer,
  tasks,
  batches,
  keyboard,
  studio,
  uploads,
  usage,
  keys,
  webhooks,
  people,
  roles,
  audit,
  system,
  settings,
  library,
  pipelines,
};

/** Every text of the page; the other languages have the same, or do not compile. */
export type Texts = typeof en;
