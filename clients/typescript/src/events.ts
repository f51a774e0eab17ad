import { ConnectionFailed } from "./errors.ts";

/** A Server-Sent Event. */
export interface StreamMessage {
  id: string;
  name: string;
  data: string;
}

/** The server says something every 15 seconds: after a sleep, a connection may be gone without anybody telling. */
const SILENT_MS = 45_000;

/** The events of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). Throws ConnectionFailed if it falls silent. */
export async function* messages(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamMessage> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = "";
  let id = "";
  let name = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await unlessSilent(reader.read());
      if (done) return;
      text += decoder.decode(value, { stream: true });
      // A carriage return at the end may be the first half of a line's end.
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop() ?? "";
      for (const line of lines) {
        const [, field, content = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
        if (line === "") {
          if (data.length) yield { id, name: name || "message", data: data.join("\n") };
          name = "";
          data = [];
        } else if (field === "data") data.push(content);
        else if (field === "id") id = content;
        else if (field === "event") name = content;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Throws ConnectionFailed if nothing comes for longer than the server is ever silent. */
export function unlessSilent<Read>(read: Promise<Read>): Promise<Read> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new ConnectionFailed("The stream of events has fallen silent.")), SILENT_MS);
    read.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
