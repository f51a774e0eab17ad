import { type Calls, newKey, path } from "./calls.ts";
import type { CallOptions, CreateOptions, Schemas } from "./types.ts";

export type EventType = "task.succeeded" | "task.failed" | "task.cancelled" | "batch.completed";

/** `client.webhooks`: the URLs that are notified when tasks end, and the secrets that sign the notifications. */
export class Webhooks {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** The webhook and its secret, which only this reply has. Without `eventTypes` it receives all. */
  create(
    url: string,
    { eventTypes = [], idempotencyKey = newKey(), signal }: CreateOptions & { eventTypes?: readonly EventType[] } = {},
  ): Promise<Schemas["CreatedWebhook"]> {
    return this.#calls.call("POST", "/v1/webhooks", { body: { url, event_types: eventTypes }, idempotencyKey, signal });
  }

  async list({ signal }: CallOptions = {}): Promise<Schemas["WebhookRecord"][]> {
    return (await this.#calls.call<Schemas["WebhookList"]>("GET", "/v1/webhooks", { signal })).items;
  }

  async delete(webhookId: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#calls.call("DELETE", path`/v1/webhooks/${webhookId}`, { signal });
  }

  /** A new secret. For 24 hours, notifications are signed with the one before, too. */
  async rotateSecret(webhookId: string, { idempotencyKey = newKey(), signal }: CreateOptions = {}): Promise<string> {
    const target = path`/v1/webhooks/${webhookId}/rotate-secret`;
    return (await this.#calls.call<Schemas["WebhookSecret"]>("POST", target, { body: {}, idempotencyKey, signal })).secret;
  }

  /** The account's secret, which signs notifications to the `webhookUrl` of tasks and batches. */
  async defaultSecret({ signal }: CallOptions = {}): Promise<string> {
    return (await this.#calls.call<Schemas["WebhookSecret"]>("GET", "/v1/webhook-secret", { signal })).secret;
  }

  /** Send an event of type `webhook.test`. */
  async test(webhookId: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#calls.call("POST", path`/v1/webhooks/${webhookId}/test`, { body: {}, signal });
  }
}
