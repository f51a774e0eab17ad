"""Exceptions: one class for each family of error reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import grpc
from google.rpc import error_details_pb2, status_pb2

from darkroom.common.v1 import errors_pb2
from darkroom.tasks.v1 import task_pb2

_STATUS_DETAILS = "grpc-status-details-bin"
_REQUEST_ID = "x-request-id"
_WRONG_KEY = "The API key is missing, unknown or revoked."
_UNEXPLAINED = "Invalid token"
_PREFIX = "ERROR_REASON_"


class DarkroomFailure(Exception):
    """Base of all exceptions of this package. `str()` gives a message for people.

    `reason` is a name of `darkroom.common.v1.ErrorReason` without its prefix, such as `FILE_NOT_FOUND`, or a problem on this side
    (`CONNECTION_FAILED`, `URL_EXPIRED`, `STORAGE`). `request_id` identifies the call in the server's logs; None if no server answered.
    `retry_after` is the number of seconds after which the same call may succeed; None if unknown.
    """

    reason = "CONNECTION_FAILED"
    request_id: str | None = None
    retry_after: float | None = None


class ConnectionFailed(DarkroomFailure):
    """The server cannot be reached, or no server is configured."""


class Unavailable(ConnectionFailed):
    """A part of the server cannot be reached at the moment, and retrying did not help."""

    reason = "UNAVAILABLE"


class ApiError(DarkroomFailure):
    """The server refused a call. Each subclass is a family of reasons.

    `field` is the path of the request field at fault, such as `operations[0].upscale.factor`, or None. `allowed` lists the values that
    this field allows; it may be empty. `metadata` holds values for programs, such as `file_id`.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        field: str | None = None,
        *,
        allowed: tuple[str, ...] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.allowed = allowed
        self.metadata = dict(metadata or {})


class InvalidRequest(ApiError):
    """The request, or a file that it names, is invalid. `field` and `allowed` say what to change."""


class NotFound(ApiError):
    """There is no such file, task, batch, webhook, key, user or other thing of that id or name in this account."""


class Unauthenticated(ApiError):
    """The API key or the session is missing, unknown, expired or ended, or a password is wrong."""


class PermissionDenied(ApiError):
    """The key or the session is valid but does not permit this call."""


class InsufficientCredits(ApiError):
    """The account's balance does not cover the price."""

    @property
    def needed_millicredits(self) -> int:
        """The price, in thousandths of a credit."""
        return int(self.metadata.get("price_millicredits", 0))

    @property
    def available_millicredits(self) -> int:
        """The available balance, in thousandths of a credit."""
        return int(self.metadata.get("available_millicredits", 0))


class Conflict(ApiError):
    """The resource is in the wrong state for this call, or the idempotency key was used for another request."""


class RateLimited(ApiError):
    """Too many requests, or a limit of the account is reached. `retry_after` says how long to wait, where waiting helps."""


class TooManyTasks(RateLimited):
    """The account has reached its limit on open tasks."""


class InternalError(ApiError):
    """A bug in the server. Its operator finds the details in the logs under `request_id`."""


class StorageError(ApiError):
    """The object storage refused a transfer."""


class TaskFailed(DarkroomFailure):
    """A task ended as FAILED or CANCELLED. `task` is the task, and `reason` says why: `FILE_CORRUPT`, `CANCELLED` …"""

    def __init__(self, task: task_pb2.Task) -> None:
        reason = errors_pb2.ErrorReason.Name(task.error.reason).removeprefix(_PREFIX)
        super().__init__(task.error.message or reason)
        self.task = task
        self.reason = reason


_BY_HTTP_STATUS: dict[int, type[ApiError]] = {
    401: Unauthenticated,
    402: InsufficientCredits,
    403: PermissionDenied,
    404: NotFound,
    405: InternalError,
    409: Conflict,
    429: RateLimited,
}


def family(reason: str) -> type[ApiError | Unavailable]:
    """The exception class for a reason, from the mapping that `ErrorReason` declares."""
    value = errors_pb2.ErrorReason.DESCRIPTOR.values_by_name.get(_PREFIX + reason)
    if value is None or reason == "INTERNAL":
        # An unknown reason, or a status without one.
        return InternalError
    if reason == "TOO_MANY_TASKS":
        return TooManyTasks
    mapping = value.GetOptions().Extensions[errors_pb2.error]
    if mapping.grpc == grpc.StatusCode.NOT_FOUND.value[0]:
        return NotFound
    if mapping.http >= 500:
        return Unavailable
    return _BY_HTTP_STATUS.get(mapping.http, InvalidRequest)


def explained(failure: DarkroomFailure, said: str = "") -> str:
    """The failure's message, or `said` in its place, with the field at fault and the values that it allows where the text lacks them."""
    said = said or str(failure)
    if isinstance(failure, ApiError):
        if failure.field and failure.field not in said:
            said = f"{failure.field}: {said}"
        if failure.allowed and not any(value in said for value in failure.allowed):
            said = f"{said} Allowed: {', '.join(failure.allowed)}."
    if failure.reason == "INTERNAL" and failure.request_id:
        said = f"{said} (request {failure.request_id})"
    return said


def from_rpc(error: grpc.aio.AioRpcError) -> DarkroomFailure:
    """The exception for a failed call."""
    failure = _from_details(error) or _from_code(error)
    failure.request_id = next((str(value) for key, value in _metadata(error) if key == _REQUEST_ID), None)
    return failure


def _metadata(error: grpc.aio.AioRpcError) -> Iterator[tuple[str, str | bytes]]:
    yield from error.trailing_metadata() or ()
    yield from error.initial_metadata() or ()


def _from_details(error: grpc.aio.AioRpcError) -> DarkroomFailure | None:
    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_DETAILS and isinstance(value, bytes):
            return _from_status(status_pb2.Status.FromString(value))
    return None


def _from_status(status: status_pb2.Status) -> DarkroomFailure:
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for kind in (info, bad, retry):
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(kind)
    metadata = dict(info.metadata)
    allowed = metadata.pop("allowed", "")
    message = _WRONG_KEY if info.reason == "API_KEY_INVALID" and status.message == _UNEXPLAINED else status.message
    kind_of_failure = family(info.reason)
    failure: DarkroomFailure
    if issubclass(kind_of_failure, ApiError):
        failure = kind_of_failure(
            info.reason or "INTERNAL",
            message,
            bad.field_violations[0].field if bad.field_violations else None,
            allowed=tuple(allowed.split(", ")) if allowed else (),
            metadata=metadata,
        )
    else:
        failure = kind_of_failure(message)
        failure.reason = info.reason
    if retry.HasField("retry_delay"):
        failure.retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return failure


def _shortened(message: str) -> str:
    """gRPC's message about a connection, without its prefixes."""
    text = message.removeprefix("failed to connect to all addresses; last error: ").removeprefix("UNKNOWN: ").removeprefix("ipv4:")
    return f"the server does not use TLS; try http:// ({text})" if "WRONG_VERSION_NUMBER" in text else text


def _from_code(error: grpc.aio.AioRpcError) -> DarkroomFailure:
    """The exception for an error that did not come from a service but from the connection to it."""
    message = error.details() or error.code().name
    match error.code():
        case grpc.StatusCode.UNAUTHENTICATED:
            return Unauthenticated("API_KEY_INVALID", _WRONG_KEY)
        # A service that stops cancels calls that arrive just then.
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED | grpc.StatusCode.CANCELLED:
            return ConnectionFailed(f"The server cannot be reached: {_shortened(message)}")
        case grpc.StatusCode.INTERNAL if "RST_STREAM" in message:
            return ConnectionFailed(f"The connection was lost: {message}")
        case _:
            return InternalError(error.code().name, message)
