import { createParser } from "eventsource-parser";
import { refusal } from "./errors.ts";
import { session } from "./session.ts";

export type StreamEvent = { id: string | undefined; name: string; data: string };

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
/** The server says something every 15 seconds: after a sleep, a connection may be gone without anybody telling. */
const SILENT_MS = 45_000;

/**
 * Follow a stream of Server-Sent Events until `signal` aborts, or the server says that nothing more will come (204). After a lost
 * connection it goes on after the last event. `EventSource` cannot send the session's token, so this is `fetch`.
 * `connected` gets whether the stream is open, so that a page can say that its data may be old.
 */
export async function follow(
  path: string,
  signal: AbortSignal,
  tell: (event: StreamEvent) => void,
  connected: (is: boolean) => void = () => {},
): Promise<void> {
  let last = "";
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      const token = session.token ?? "";
      const headers = {
        Authorization: `Bearer ${token}`,
        Accept: "text/event-stream",
        ...(last && { "Last-Event-ID": last }),
      };
      const response = await fetch(path, { headers, signal, cache: "no-store" });
      if (response.status === 204) return;
      if (response.status === 401) session.refused(token);
      if (!response.ok || !response.body) throw refusal(response, await response.json().catch(() => null));
      connected(true);
      wait = FIRST_WAIT_MS;
      const parser = createParser({
        onEvent: (event) => {
          last = event.id ?? last;
          tell({ id: event.id, name: event.event ?? "message", data: event.data });
        },
      });
      for await (const chunk of chunks(response.body)) parser.feed(chunk);
    } catch {
      if (signal.aborted) return;
    }
    connected(false);
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

async function* chunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  try {
    for (;;) {
      const timer = setTimeout(() => void reader.cancel().catch(() => {}), SILENT_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
  });
}
