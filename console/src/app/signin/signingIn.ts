import { data, v1 } from "../../api/client.ts";
import { session } from "../../api/session.ts";

/** Sign in by name and password. Throws `ApiError`. */
export async function byPassword(user_name: string, password: string): Promise<void> {
  const created = await data(v1.POST("/v1/sessions", { body: { user_name, password } }));
  session.begin(created.token);
}

/** Sign in by a link's token, which is used up by it. Throws `ApiError`. */
export async function byLink(sign_in_token: string): Promise<void> {
  const created = await data(v1.POST("/v1/sessions", { body: { sign_in_token } }));
  session.begin(created.token);
}

/** Use an API key from now on. Throws `ApiError` if the server refuses it. */
export async function byKey(key: string): Promise<void> {
  const headers = { Authorization: `Bearer ${key}` };
  const response = await fetch("/v1/me", { headers });
  if (!response.ok) throw new Error("refused");
  session.begin(key);
}
