import type { Task } from "./types.ts";

/** The details of an error, besides its message. */
export interface Details {
  /** HTTP status; 0 if there was no reply. */
  status?: number;
  /** The number of the error in replies of `/v1`, such as 40001; 0 if the error does not come from there. */
  code?: number;
  /** The reason, such as `field_invalid`: of the server, or `connection_failed`, `url_expired`, `storage` of this side. */
  errorCode?: string;
  /** The path of the request field at fault, such as `operations[0].resize.width`. */
  field?: string | undefined;
  /** The values that this field allows. */
  allowed?: readonly string[];
  /** Names the call in the server's logs. */
  requestId?: string | undefined;
  /** Seconds after which the same call may succeed. */
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** The base of all errors of this package. `message` is for people, `errorCode` for programs. */
export class DarkroomFailure extends Error implements Details {
  readonly status: number;
  readonly code: number;
  readonly errorCode: string;
  readonly field: string | undefined;
  readonly allowed: readonly string[];
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.name = new.target.name;
    this.status = details.status ?? 0;
    this.code = details.code ?? 0;
    this.errorCode = details.errorCode ?? "connection_failed";
    this.field = details.field;
    this.allowed = details.allowed ?? [];
    this.requestId = details.requestId;
    this.retryAfter = details.retryAfter;
  }
}

/** The server cannot be reached, or no server is configured. */
export class ConnectionFailed extends DarkroomFailure {}
/** A part of the server cannot be reached at the moment, and retrying did not help. */
export class Unavailable extends ConnectionFailed {}
/** The server refused a call. Each subclass is a family of reasons. */
export class ApiError extends DarkroomFailure {}
/** The request, or a file that it names, is invalid: `field` and `allowed` say what to change. */
export class InvalidRequest extends ApiError {}
/** There is no such file, task, batch, webhook or other thing of that id in this account. */
export class NotFound extends ApiError {}
/** The API key or the session is missing, unknown, expired or ended. */
export class Unauthenticated extends ApiError {}
/** The key or the session is valid but does not permit this call. */
export class PermissionDenied extends ApiError {}
/** The account's balance does not cover the price. */
export class InsufficientCredits extends ApiError {}
/** It is in the wrong state for this call, or the idempotency key was used for another request. */
export class Conflict extends ApiError {}
/** Too many requests, or a limit of the account is reached. `retryAfter` says how long to wait, where waiting helps. */
export class RateLimited extends ApiError {}
/** The account has reached its limit on open tasks. */
export class TooManyTasks extends RateLimited {}
/** A bug in the server. Its operator finds the details in the logs under `requestId`. */
export class InternalError extends ApiError {}
/** The object storage refused a transfer. */
export class StorageError extends ApiError {}

/** A task has failed or was cancelled: `task` is the task, `errorCode` says why (`file_corrupt`, `cancelled` …). */
export class TaskFailed extends DarkroomFailure {
  readonly task: Task;

  constructor(task: Task) {
    super(task.error_message || task.error_type || "The task failed.", { errorCode: task.error_type ?? "internal" });
    this.task = task;
  }
}

const BY_STATUS: Record<number, typeof ApiError> = {
  401: Unauthenticated,
  402: InsufficientCredits,
  403: PermissionDenied,
  404: NotFound,
  405: InternalError,
  409: Conflict,
  429: RateLimited,
};

function family(status: number, errorCode: string): typeof DarkroomFailure {
  if (errorCode.endsWith("_not_found")) return NotFound;
  if (errorCode === "too_many_tasks") return TooManyTasks;
  if (status === 500) return InternalError;
  return status > 500 ? Unavailable : (BY_STATUS[status] ?? InvalidRequest);
}

/** The error in a reply: `{code, message, data}`, or what a proxy on the way has answered. */
export function refusal(response: Response, body: string): DarkroomFailure {
  const { code, message, data } = parsed(body);
  const errorCode = data?.error_code ?? (response.status > 500 ? "unavailable" : "internal");
  const { field, allowed } = data ?? {};
  return new (family(response.status, errorCode))(message ?? `The server answered HTTP ${response.status}.`, {
    ...{ status: response.status, code, errorCode, field, allowed },
    requestId: response.headers.get("x-request-id") ?? undefined,
    retryAfter: secondsIn(response.headers.get("retry-after")),
  });
}

/** `Retry-After`: seconds, or the time itself. */
export function secondsIn(header: string | null): number | undefined {
  if (!header) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

type Body = { code?: number; message?: string; data?: Details & { error_code?: string } };

function parsed(body: string): Body {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Body) : {};
  } catch {
    return {};
  }
}
