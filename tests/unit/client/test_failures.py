"""Errors of the server as exceptions of the client: what a service raises is what a caller catches."""

from __future__ import annotations

import grpc
import pytest

from darkroom.backoff import Backoff
from darkroom.calls import may_pass
from darkroom.failures import (
    ApiError,
    Conflict,
    ConnectionFailed,
    DarkroomFailure,
    InsufficientCredits,
    InternalError,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    RateLimited,
    TooManyTasks,
    Unauthenticated,
    Unavailable,
    family,
    from_rpc,
)
from services.platform.errors import DarkroomError, ErrorReason

REQUEST_ID = (("x-request-id", "6f1c"),)


def received(error: DarkroomError) -> DarkroomFailure:
    """What a caller gets when a service raises this."""
    return from_rpc(grpc.aio.AioRpcError(error.grpc_code, REQUEST_ID, error.trailers(), error.message, None))


def from_the_way(code: grpc.StatusCode, details: str = "") -> DarkroomFailure:
    """What a caller gets when no service has answered."""
    return from_rpc(grpc.aio.AioRpcError(code, (), (), details, None))


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (ErrorReason.FIELD_INVALID, InvalidRequest),
        (ErrorReason.FILE_CORRUPT, InvalidRequest),
        (ErrorReason.OPERATION_UNAVAILABLE, InvalidRequest),
        (ErrorReason.BODY_TOO_LARGE, InvalidRequest),
        (ErrorReason.TASK_NOT_FOUND, NotFound),
        (ErrorReason.UPLOAD_NOT_FOUND, NotFound),
        (ErrorReason.API_KEY_INVALID, Unauthenticated),
        (ErrorReason.PERMISSION_DENIED, PermissionDenied),
        (ErrorReason.INSUFFICIENT_CREDITS, InsufficientCredits),
        (ErrorReason.TOO_MANY_TASKS, TooManyTasks),
        (ErrorReason.RATE_LIMITED, RateLimited),
        (ErrorReason.TASK_ALREADY_TERMINAL, Conflict),
        (ErrorReason.IDEMPOTENCY_KEY_MISMATCH, Conflict),
        (ErrorReason.UNAVAILABLE, Unavailable),
        (ErrorReason.INTERNAL, InternalError),
    ],
)
def test_each_family_has_its_class(reason: ErrorReason, kind: type[DarkroomFailure]) -> None:
    failure = received(DarkroomError(reason, "What was wrong."))
    assert type(failure) is kind
    assert (failure.reason, failure.request_id, str(failure)) == (reason.value, "6f1c", "What was wrong.")


def test_no_reason_is_without_a_family_of_its_own() -> None:
    unmapped = [reason for reason in ErrorReason if family(reason.value) is InternalError]
    assert unmapped == [ErrorReason.INTERNAL, ErrorReason.METHOD_NOT_ALLOWED]
    assert {family(reason.value) for reason in ErrorReason} <= {*ApiError.__subclasses__(), TooManyTasks, Unavailable}


def test_a_refusal_names_the_field_and_what_is_allowed() -> None:
    failure = received(DarkroomError(ErrorReason.FIELD_INVALID, "No.", field="operations[0].upscale.factor", allowed=["2", "4"]))
    assert isinstance(failure, InvalidRequest)
    assert (failure.field, failure.allowed) == ("operations[0].upscale.factor", ("2", "4"))


def test_credits_that_are_missing_are_told_as_numbers() -> None:
    numbers = {"price_millicredits": "3000", "available_millicredits": "1200"}
    failure = received(DarkroomError(ErrorReason.INSUFFICIENT_CREDITS, "Too little.", metadata=numbers))
    assert isinstance(failure, InsufficientCredits)
    assert (failure.needed_millicredits, failure.available_millicredits) == (3000, 1200)


def test_how_long_to_wait_is_told() -> None:
    failure = received(DarkroomError(ErrorReason.RATE_LIMITED, "Slower.", retry_after=7))
    assert failure.retry_after == 7
    assert may_pass(failure)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED])
def test_nobody_there_is_a_failed_connection(code: grpc.StatusCode) -> None:
    failure = from_the_way(code, "connection refused")
    assert type(failure) is ConnectionFailed
    assert "connection refused" in str(failure)
    assert may_pass(failure)


def test_a_connection_that_was_broken_off_is_a_failed_connection() -> None:
    assert type(from_the_way(grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2")) is ConnectionFailed


@pytest.mark.parametrize("reason", [ErrorReason.UNAVAILABLE, ErrorReason.IDEMPOTENCY_IN_PROGRESS])
def test_what_a_moment_mends_is_repeated(reason: ErrorReason) -> None:
    assert may_pass(received(DarkroomError(reason, "")))


@pytest.mark.parametrize("reason", [ErrorReason.TOO_MANY_TASKS, ErrorReason.TOO_MANY_WEBHOOKS, ErrorReason.FIELD_INVALID])
def test_what_waiting_a_moment_does_not_mend_is_not_repeated(reason: ErrorReason) -> None:
    assert not may_pass(received(DarkroomError(reason, "")))


def test_pauses_grow_and_are_never_shorter_than_the_server_asks_for() -> None:
    backoff = Backoff(attempts=4, first_seconds=1, longest_seconds=2)
    pauses = [backoff.pause(failures) for failures in (1, 2, 3)]
    for pause, middle in zip(pauses, (1, 2, 2), strict=True):
        assert pause is not None
        assert 0.75 * middle <= pause <= 1.25 * middle
    assert backoff.pause(1, retry_after=9) == 9
    assert backoff.pause(4) is None
    assert backoff.pause(1, retry_after=backoff.patience_seconds + 1) is None
