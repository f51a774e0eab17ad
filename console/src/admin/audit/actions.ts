/** Every action that this page knows, by what it is done to. New ones may be added: they are shown by their names. */
export const ACTIONS = [
  "session.created",
  "session.deleted",
  "session.refused",
  "session.link_created",
  "password.changed",
  "password.reset",
  "user.created",
  "user.updated",
  "user.deleted",
  "user.analytics_set",
  "role.created",
  "role.updated",
  "role.deleted",
  "team.created",
  "team.updated",
  "team.deleted",
  "settings.changed",
  "logo.replaced",
  "logo.deleted",
  "bundle.install_requested",
  "bundle.removal_requested",
  "key.created",
  "key.rotated",
  "key.revoked",
  "webhook.created",
  "webhook.changed",
  "webhook.enabled",
  "webhook.disabled",
  "webhook.deleted",
  "webhook.secret_created",
  "webhook.secret_rotated",
  "pipeline.created",
  "pipeline.updated",
  "pipeline.deleted",
  "picture.key_created",
  "picture.key_deleted",
  "task.cancelled",
  "task.deleted",
  "batch.cancelled",
  "batch.deleted",
  "file.deleted",
  "library.uploaded",
  "library.saved",
  "library.deleted",
  "credits.granted",
  "credits.refunded",
  "account.created",
  "account.retention_set",
  "account.terms_set",
  "account.policy_set",
  "account.limits_set",
  "worker.invited",
  "worker.joined",
  "worker.revoked",
] as const;

export type Action = (typeof ACTIONS)[number];

/** The actions in groups of what they are done to, in the order of `ACTIONS`. */
export function grouped(): Map<string, Action[]> {
  const groups = new Map<string, Action[]>();
  for (const action of ACTIONS) {
    const kind = action.split(".")[0] ?? action;
    groups.set(kind, [...(groups.get(kind) ?? []), action]);
  }
  return groups;
}

/** Where the page shows what an entry is about; undefined if nowhere, as after something was deleted. */
export function pageOf(action: string, id: string): string | undefined {
  if (action === "task.cancelled") return `/tasks/${id}`;
  if (action === "batch.cancelled") return `/batches/${id}`;
  const kind = action.split(".")[0];
  if (kind === "key") return "/keys";
  if (kind === "webhook") return "/webhooks";
  if (kind === "role") return "/roles";
  return kind === "user" ? "/people" : undefined;
}
