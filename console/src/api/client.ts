import createClient, { type Middleware } from "openapi-fetch";
import type { paths as V1Paths } from "../../generated/v1.ts";
import { refusal, unreachable } from "./errors.ts";
import { uniqueId } from "./ids.ts";
import { session } from "./session.ts";
import { reachable } from "./storage.ts";

const authorized: Middleware = {
  onRequest({ request }) {
    if (session.token) request.headers.set("Authorization", `Bearer ${session.token}`);
    return request;
  },
  onResponse({ request, response }) {
    const sent = request.headers.get("Authorization")?.slice("Bearer ".length);
    if (response.status === 401 && sent) session.refused(sent);
  },
  onError({ error }) {
    // A call that the page itself has given up is no failure of the network.
    return error instanceof DOMException && error.name === "AbortError" ? error : unreachable(error);
  },
};

/** Darkroom's own JSON API. Use it with `data`: `const me = await data(v1.GET("/v1/me"))`. */
export const v1 = createClient<V1Paths>({ baseUrl: location.origin });
v1.use(authorized);

type Reply<Body> = { data?: Body; error?: unknown; response: Response };

/** `data` of a reply of `/v1`. Throws `ApiError`. */
export async function data<Data>(call: Promise<Reply<{ data?: Data }>>): Promise<Data> {
  return (await body(call)).data as Data;
}

/** The body of a reply. Throws `ApiError`. */
export async function body<Body>(call: Promise<Reply<Body>>): Promise<Body> {
  const reply = await call;
  if (!reply.response.ok) throw refusal(reply.response, reply.error);
  return reachable(reply.data) as Body;
}

/** A header for a call that creates something: repeated with the same key, it creates nothing new. */
export function once(key: string = uniqueId()): { headers: { "Idempotency-Key": string } } {
  return { headers: { "Idempotency-Key": key } };
}
