const PREFIX = "whsec_";
const VERSION = "v1,";

/** The request is not signed with the secret, or not recent. Answer 401 and ignore it. */
export class WebhookRejected extends Error {
  override readonly name = "WebhookRejected";
}

/** An event that was sent to a webhook. */
export interface WebhookEvent {
  /** Stays the same when the event is sent again. */
  id: string;
  /** `task.succeeded`, `batch.completed` … */
  type: string;
  /** When it happened, in RFC 3339 format. */
  timestamp: string;
  /** The task or batch, as JSON of the native API: `id`, `state`, `output_file_ids` … */
  data: Record<string, unknown>;
}

/** `Headers`, or those of `node:http`. */
export type HeadersLike = Headers | Record<string, string | readonly string[] | undefined>;

export interface VerifyOptions {
  /** How far a message may be off the clock, so that a recorded one cannot be replayed later; 300 by default. */
  toleranceSeconds?: number;
  /** Seconds since 1970. */
  clock?: () => number;
}

/** The receiving side of a webhook (https://www.standardwebhooks.com). `secret` is `whsec_…`, or several during a rotation. */
export class Webhook {
  readonly #keys: readonly Uint8Array<ArrayBuffer>[];
  readonly #tolerance: number;
  readonly #clock: () => number;

  constructor(secret: string | readonly string[], { toleranceSeconds = 300, clock = () => Date.now() / 1000 }: VerifyOptions = {}) {
    this.#keys = [secret].flat().map((each) => keyOf(each));
    if (!this.#keys.length) throw new TypeError("at least one secret is required");
    this.#tolerance = toleranceSeconds;
    this.#clock = clock;
  }

  /** The event in a request. Pass its raw body, not parsed JSON. Throws WebhookRejected. */
  async verify(headers: HeadersLike, body: string | Uint8Array<ArrayBuffer>): Promise<WebhookEvent> {
    await this.check(headers, body);
    const { type, timestamp, data } = JSON.parse(typeof body === "string" ? body : new TextDecoder().decode(body));
    return { id: header(headers, "webhook-id"), type, timestamp, data };
  }

  /** Only check the signature, for a body that is parsed elsewhere. Throws WebhookRejected. */
  async check(headers: HeadersLike, body: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const [id, sent, signatures] = [
      header(headers, "webhook-id"),
      header(headers, "webhook-timestamp"),
      header(headers, "webhook-signature"),
    ];
    if (!/^\d+$/.test(sent)) throw new WebhookRejected("The header webhook-timestamp must be a number of seconds.");
    if (Math.abs(this.#clock() - Number(sent)) > this.#tolerance) {
      throw new WebhookRejected("The request is too old or from the future: check the clocks of both sides.");
    }
    const signed = new Blob([`${id}.${sent}.`, body]);
    const message = await signed.arrayBuffer();
    const given = signatures.split(" ").flatMap((each) => (each.startsWith(VERSION) ? (decoded(each.slice(VERSION.length)) ?? []) : []));
    for (const key of this.#keys) {
      const hmac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
      // It compares in constant time.
      for (const signature of given) if (await crypto.subtle.verify("HMAC", hmac, signature, message)) return;
    }
    throw new WebhookRejected("The request has no signature made with this secret.");
  }
}

function header(headers: HeadersLike, name: string): string {
  const found = headers instanceof Headers ? headers.get(name) : Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
  if (typeof found !== "string" || !found) throw new WebhookRejected(`The request has no header ${name}.`);
  return found;
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = decoded(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  if (!key?.length) throw new TypeError("a webhook secret must be whsec_ followed by base64");
  return key;
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
