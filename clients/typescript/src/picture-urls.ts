export interface PictureUrlOptions {
  /** From when on the URL is refused; by default it works as long as the file and the key. */
  expires?: Date | undefined;
}

/**
 * Makes signed URLs of pictures for web pages; no server is asked. `url` is that of the server, as browsers reach it, and `keyId` and `secret` are
 * of a key that `POST /v1/picture-keys` has made. Keep the secret on your server: it is enough to show every picture of the account.
 */
export class PictureUrls {
  readonly #url: string;
  readonly #keyId: string;
  readonly #secret: string;

  constructor(url: string, keyId: string, secret: string) {
    this.#url = url.replace(/\/+$/, "");
    this.#keyId = keyId;
    this.#secret = secret;
  }

  /**
   * The URL of a picture after operations such as `resize:width=800;remove-background`; `-` for none. `source` is the id of a file, or a URL
   * of an origin that the key allows. Throws TypeError for operations with a slash, `?`, `#` or a space: values have them percent-encoded.
   */
  async url(source: string, operations = "-", { expires }: PictureUrlOptions = {}): Promise<string> {
    if (/[/?# ]/.test(operations)) throw new TypeError("operations: percent-encode the values of parameters");
    const ends = expires && `expires=${Math.floor(expires.getTime() / 1000)}`;
    const asked = ends ? (operations === "-" ? ends : `${operations};${ends}`) : operations;
    const signed = `${asked || "-"}/${encodeURIComponent(source)}`;
    const encoder = new TextEncoder();
    const key = await crypto.subtle.importKey("raw", encoder.encode(this.#secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(signed)));
    const text = btoa(String.fromCharCode(...mac))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace(/=+$/, "");
    return `${this.#url}/i/${this.#keyId}.${text}/${signed}`;
  }
}
