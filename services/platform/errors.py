"""The one typed error of the platform.

Domain code raises `DarkroomError`; the interceptor in `services.platform.rpc` renders it once, for the surface that was called. The reasons
and their statuses are in the proto enum `darkroom.common.v1.ErrorReason`, from which the Python enum is generated; a surface's codes and
error body are in that surface's protos.

gRPC and its messages are imported by the functions that need them: a sandbox's children raise these errors, too, and do without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from darkroom.common.v1.reasons import ErrorReason

if TYPE_CHECKING:
    import grpc
    from google.rpc import status_pb2

__all__ = ["DOMAIN", "MISSING", "UNKNOWN", "DarkroomError", "ErrorReason", "Violation", "from_rpc", "translate_rpc_errors"]

DOMAIN = "darkroom"
MISSING = "missing"
"""The kind of violation that a field is required and not there."""
UNKNOWN = "extra_forbidden"
"""The kind of violation that there is no such field."""
_STATUS_DETAILS = "grpc-status-details-bin"
_AWAY = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Violation:
    """The problem with one field of a request."""

    field: str
    """Its path, such as `files[0].name`."""
    problem: str
    """In words that follow the path: `must be from 1 to 100`."""
    kind: str = "value_error"
    """For programs: MISSING, UNKNOWN, `int_type` and the like, as pydantic names them."""


class DarkroomError(Exception):
    """A refusal or failure that is reported to the caller.

    `message` is public: it names what was wrong and what is allowed, and nothing internal. `field` is the path of the offending request
    field, such as `files[0].name`; `allowed` lists its allowed values where that helps. `violations` are all offending fields, where there
    are several or more is known about one; the first is `field`. `metadata` is for programs, such as the file's id.
    `retry_after` is the number of seconds after which the same call may well succeed, where the raising code knows better than the
    reason's mapping.
    """

    def __init__(
        self,
        reason: ErrorReason,
        message: str,
        *,
        field: str | None = None,
        allowed: Sequence[str] = (),
        metadata: dict[str, str] | None = None,
        retry_after: int | None = None,
        violations: Sequence[Violation] = (),
    ) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.field = violations[0].field if violations and field is None else field
        self.allowed = tuple(allowed)
        self._violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process boundaries (the sandbox); the default would lose the keyword arguments.
        return _rebuild, (self.reason, self.message, self.field, self.allowed, self.metadata, self.retry_after, self._violations)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The offending fields; empty if no field is to blame."""
        if self._violations or self.field is None:
            return self._violations
        return (Violation(self.field, self.message.removeprefix(f"{self.field}:").strip()),)

    @property
    def kind(self) -> str:
        """The kind of problem, more precise than the reason: that of the first violation, or `missing` for a key that was not sent."""
        return self.metadata.get("kind", "") or (self.violations[0].kind if self.violations else "")

    def limit(self, name: Literal["least", "most"]) -> float | None:
        """A limit of the rule that the field breaks; None if it has none."""
        return float(self.metadata[name]) if name in self.metadata else None

    @property
    def grpc_code(self) -> grpc.StatusCode:
        return _grpc_codes()[self.reason.mapping.grpc]

    @property
    def http_status(self) -> int:
        """The HTTP status on JSON surfaces. It is 400 when a field of the request names a missing file: that is the request's fault."""
        if self.reason is ErrorReason.FILE_NOT_FOUND and self.field is not None:
            return 400
        return self.reason.mapping.http

    @property
    def advised_wait(self) -> int | None:
        """Seconds that a caller should wait before repeating the call; None where waiting alone does not help."""
        return self.retry_after or self.reason.mapping.retry_after_seconds or None

    @property
    def passes(self) -> bool:
        """Whether the same call, or a task like the one that failed, may succeed later: its cause passes by itself."""
        return self.advised_wait is not None or self.grpc_code.name == "UNAVAILABLE"

    def at(self, field: str) -> DarkroomError:
        """The same error, blamed on a field of the request."""
        return _rebuild(self.reason, self.message, field, self.allowed, self.metadata, self.retry_after)

    def saying(self, message: str) -> DarkroomError:
        """The same error in other words."""
        return _rebuild(self.reason, message, self.field, self.allowed, self.metadata, self.retry_after, self._violations)

    def status(self) -> status_pb2.Status:
        """The error as `google.rpc.Status` with `ErrorInfo`, `BadRequest` if a field is to blame, and `RetryInfo` if it advises a wait."""
        from google.rpc import error_details_pb2, status_pb2

        status = status_pb2.Status(code=self.reason.mapping.grpc, message=self.message)
        info = error_details_pb2.ErrorInfo(reason=self.reason.value, domain=DOMAIN, metadata=self.metadata)
        if self.allowed:
            info.metadata["allowed"] = ", ".join(self.allowed)
        status.details.add().Pack(info)
        if self.field is not None:
            bad = error_details_pb2.BadRequest()
            if not self._violations:
                bad.field_violations.add(field=self.field, description=self.message, reason=self.reason.value)
            for each in self._violations:
                bad.field_violations.add(field=each.field, description=f"{each.field}: {each.problem}", reason=self.reason.value)
            status.details.add().Pack(bad)
        if self.advised_wait is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.seconds = self.advised_wait
            status.details.add().Pack(retry)
        return status

    def trailers(self) -> tuple[tuple[str, bytes], ...]:
        """Trailing metadata that carries `status()`."""
        return ((_STATUS_DETAILS, self.status().SerializeToString()),)


@cache
def _grpc_codes() -> dict[int, grpc.StatusCode]:
    import grpc

    return {code.value[0]: code for code in grpc.StatusCode}


def _rebuild(
    reason: ErrorReason,
    message: str,
    field: str | None,
    allowed: tuple[str, ...],
    metadata: dict[str, str],
    retry_after: int | None,
    violations: tuple[Violation, ...] = (),
) -> DarkroomError:
    return DarkroomError(reason, message, field=field, allowed=allowed, metadata=metadata, retry_after=retry_after, violations=violations)


def from_rpc(error: grpc.aio.AioRpcError) -> DarkroomError:
    """The error that another service raised, or UNAVAILABLE or INTERNAL when it could not report one.

    Every error that a service raises carries details. One without them comes from the transport: the service was unreachable, or ended its
    calls.
    """
    from google.rpc import status_pb2

    from services.platform.log import get_logger

    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_DETAILS and isinstance(value, bytes):
            return _from_status(status_pb2.Status.FromString(value))
    code, details = error.code().name, error.details() or ""
    get_logger().warning("call_failed", code=code, details=details)
    if code in _AWAY or (code == "INTERNAL" and "RST_STREAM" in details):
        return DarkroomError(ErrorReason.UNAVAILABLE, "A part of the service cannot be reached. Try again later.")
    return DarkroomError(ErrorReason.INTERNAL, "Internal error.")


def _from_status(status: status_pb2.Status) -> DarkroomError:
    from google.rpc import error_details_pb2

    info, bad, retry_after = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), None
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            detail.Unpack(bad)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            retry_after = retry.retry_delay.seconds
    if info.domain != DOMAIN:
        return DarkroomError(ErrorReason.INTERNAL, "Internal error.")
    reason, metadata = ErrorReason(info.reason), dict(info.metadata)
    if retry_after == reason.mapping.retry_after_seconds:
        # The default of the reason: the service did not set its own.
        retry_after = None
    allowed = metadata.pop("allowed", "")
    return DarkroomError(
        reason,
        status.message,
        field=bad.field_violations[0].field if bad.field_violations else None,
        allowed=allowed.split(", ") if allowed else (),
        metadata=metadata,
        retry_after=retry_after,
        violations=[
            Violation(each.field, each.description.removeprefix(f"{each.field}:").strip())
            for each in bad.field_violations
            if each.description != status.message
        ],
    )


@contextmanager
def translate_rpc_errors() -> Iterator[None]:
    """Turn the gRPC errors of calls to other services, made inside the block, into `DarkroomError`."""
    import grpc

    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from error
