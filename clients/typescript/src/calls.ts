import { type Backoff, mayPass, Retries } from "./backoff.ts";
import { ConnectionFailed, DarkroomFailure, InternalError, refusal } from "./errors.ts";
import type { CallOptions, ListOptions } from "./types.ts";

const CALL_SECONDS = 60;

type Values = Record<string, string | number | boolean | undefined>;

export interface Request extends CallOptions {
  query?: Values | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** For a call that must not happen twice: the server recognises a repeat. */
  idempotencyKey?: string | undefined;
  /** How long a reply may take. */
  seconds?: number | undefined;
}

/** Calls of `/v1`: the key, timeouts, and retries. */
export class Calls {
  readonly #backoff: Backoff;
  readonly #fetch: typeof fetch;
  readonly #url: string;
  readonly #headers: Record<string, string>;
  #answered = false;

  constructor(url: string, apiKey: string, backoff: Backoff, fetchWith: typeof fetch) {
    if (!/^https?:\/\/./.test(url)) throw new ConnectionFailed(`${url} is not a server URL: expected http://host or https://host.`);
    this.#url = url.replace(/\/+$/, "");
    this.#headers = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
    this.#backoff = backoff;
    this.#fetch = fetchWith;
  }

  /** The `data` of the reply. Repeats the call while the server cannot be reached or asks for time. */
  async call<Data>(method: string, path: string, request: Request = {}): Promise<Data> {
    const retries = new Retries(this.#backoff);
    for (;;) {
      try {
        const text = await this.#attempt(method, path, request);
        return dataIn(text) as Data;
      } catch (failure) {
        if (!mayPass(failure)) throw failure;
        await retries.wait(failure, request.signal, this.#answered);
      }
    }
  }

  /** One attempt: the body of the reply. */
  async #attempt(method: string, path: string, request: Request): Promise<string> {
    const { signal, query = {}, body, idempotencyKey, seconds = CALL_SECONDS } = request;
    const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
    const headers: Record<string, string> = { accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (idempotencyKey) headers["idempotency-key"] = idempotencyKey;
    return attempt(signal, seconds, async (both) => {
      const target = given.length ? `${path}?${new URLSearchParams(given)}` : path;
      const response = await this.raw(method, target, headers, both, body === undefined ? undefined : JSON.stringify(body));
      const text = await response.text();
      if (!response.ok) throw refusal(response, text);
      return text;
    });
  }

  /** A reply as it comes, also if it is a refusal. */
  async raw(method: string, path: string, headers: Record<string, string>, signal: AbortSignal, body?: string): Promise<Response> {
    const init: RequestInit = { method, headers: { ...this.#headers, ...headers }, cache: "no-store", signal };
    const response = await this.#fetch(`${this.#url}${path}`, body === undefined ? init : { ...init, body });
    this.#answered = true;
    return response;
  }

  /** The items of a list, fetched page by page as they are read. */
  async *pages<Item>(path: string, query: Values, options: ListOptions = {}): AsyncGenerator<Item> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let token: string | undefined;
    while (left > 0) {
      const page: { items?: Item[]; next_page_token?: string } = await this.call("GET", path, {
        query: { ...query, page_size: Math.min(left, 100), page_token: token },
        signal: options.signal,
      });
      const items = (page.items ?? []).slice(0, left);
      yield* items;
      left -= items.length;
      token = page.next_page_token;
      if (!token) return;
    }
  }
}

/** A path of `/v1` with ids in it, which cannot lead to another. */
export function path(texts: TemplateStringsArray, ...ids: string[]): string {
  return String.raw({ raw: texts }, ...ids.map(encodeURIComponent));
}

function dataIn(text: string): unknown {
  if (!text) throw new ConnectionFailed("The reply has no body.");
  try {
    return (JSON.parse(text) as { data?: unknown }).data;
  } catch (cause) {
    throw new InternalError("The answer is not JSON. Is this the URL of a Darkroom server?", { status: 200, errorCode: "internal", cause });
  }
}

/** Runs what fails like `fetch`. Throws the caller's reason if `signal` aborts, and ConnectionFailed if the network fails or it takes too long. */
export async function attempt<Result>(
  signal: AbortSignal | undefined,
  seconds: number,
  act: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const timeout = AbortSignal.timeout(seconds * 1000);
  try {
    return await act(signal ? AbortSignal.any([signal, timeout]) : timeout);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof DarkroomFailure) throw cause;
    if (timeout.aborted) throw new ConnectionFailed(`No answer within ${seconds} s.`, { cause });
    throw unreachable(cause);
  }
}

/** A failure of the network. Anything else, such as a mistake in this program, stays unchanged. */
export function unreachable(cause: unknown): unknown {
  const broken = cause instanceof TypeError || (cause instanceof Error && "code" in cause);
  return broken ? new ConnectionFailed(`The server cannot be reached: ${whole(cause)}`, { cause }) : cause;
}

function whole(error: Error): string {
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** All of a generator. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** A new, unused idempotency key. Pages without TLS have no `crypto.randomUUID`. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
