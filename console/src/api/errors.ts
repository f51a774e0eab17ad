/** The error of a refused call, in any of the API's forms. */
export class ApiError extends Error {
  /** HTTP status; 0 if there was no reply. */
  readonly status: number;
  /** The reason in lower case, such as `field_invalid`; `unreachable` without a reply. */
  readonly reason: string;
  /** The field that is wrong, such as `items[3].operations[0].resize.width`. */
  readonly field: string | undefined;
  readonly allowed: readonly string[];
  /** The kind of rule that the field breaks, such as `range`, with its limits. */
  readonly rule: string | undefined;
  readonly least: number | undefined;
  readonly most: number | undefined;
  /** Quote it when you report a problem. */
  readonly requestId: string | undefined;
  /** Seconds until it makes sense to try again. */
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, more: Partial<Omit<ApiError, "status" | "message">> = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.reason = more.reason ?? "";
    this.field = more.field;
    this.allowed = more.allowed ?? [];
    this.rule = more.rule;
    this.least = more.least;
    this.most = more.most;
    this.requestId = more.requestId;
    this.retryAfter = more.retryAfter;
  }

  /** Whether the same call may succeed later, without anybody changing anything. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The server's words without the path of the field in the request, which nobody here has written. */
export function withoutField({ message, field }: { message: string; field?: string | undefined }): string {
  return field && message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
}

/** No reply came: the network or the server is away. */
export function unreachable(cause: unknown): ApiError {
  const error = new ApiError(0, "The server cannot be reached.", { reason: "unreachable" });
  error.cause = cause;
  return error;
}

/** The error that a reply of `/v1` holds: `{code, message, data}`. */
export function refusal(response: Response, body: unknown): ApiError {
  const said = record(body);
  const data = record(said.data);
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new ApiError(response.status, text(said.message) ?? `HTTP ${response.status}`, {
    reason: text(data.error_code) ?? "",
    field: text(data.field),
    allowed: Array.isArray(data.allowed) ? data.allowed.map(String) : [],
    rule: text(data.rule),
    least: number(data.least),
    most: number(data.most),
    requestId: response.headers.get("x-request-id") ?? undefined,
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
