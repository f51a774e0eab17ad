import { ConnectionFailed, type DarkroomFailure, RateLimited, TooManyTasks } from "./errors.ts";

/** How often to try something that fails, and how long to wait between attempts. */
export interface Backoff {
  /** With the pauses below, enough to outlive the restart of a part of the server: about 45 s. */
  attempts: number;
  /** The limit while the server has never answered this client: a wrong URL is reported after 3 s. */
  attemptsUnanswered: number;
  firstSeconds: number;
  longestSeconds: number;
  /** If the server asks for a longer wait than this, the client gives up at once. */
  patienceSeconds: number;
}

export const BACKOFF: Backoff = { attempts: 9, attemptsUnanswered: 5, firstSeconds: 0.2, longestSeconds: 20, patienceSeconds: 120 };

/** Counts the failures in a row of one thing, and waits between its attempts. */
export class Retries {
  #failures = 0;
  readonly #backoff: Backoff;

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** Something worked: the next failure counts as the first. */
  reset(): void {
    this.#failures = 0;
  }

  /** Wait before the next attempt; the pause doubles each time, and is never shorter than the server asks. Throws the failure to give up. */
  async wait(failure: DarkroomFailure, signal: AbortSignal | undefined, answered = true): Promise<void> {
    const { attempts, attemptsUnanswered, firstSeconds, longestSeconds, patienceSeconds } = this.#backoff;
    this.#failures += 1;
    const asked = failure.retryAfter ?? 0;
    if (this.#failures >= (answered ? attempts : Math.min(attempts, attemptsUnanswered)) || asked > patienceSeconds) throw failure;
    const pause = Math.min(longestSeconds, firstSeconds * 2 ** (this.#failures - 1)) * (0.75 + Math.random() / 2);
    await sleep(Math.max(pause, asked), signal);
  }
}

/** Whether the same call is likely to succeed soon. `too_many_tasks` may last for hours, so the caller decides about it. */
export function mayPass(failure: unknown): failure is DarkroomFailure {
  if (failure instanceof RateLimited) return failure.retryAfter !== undefined && !(failure instanceof TooManyTasks);
  return failure instanceof ConnectionFailed || (failure as DarkroomFailure)?.errorCode === "idempotency_in_progress";
}

/** Throws the signal's reason if it aborts. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
