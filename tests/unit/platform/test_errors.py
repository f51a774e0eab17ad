import pickle

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from darkroom.rest.v1 import billing_pb2, surface_pb2
from services.platform.errors import DarkroomError, ErrorReason, Violation, from_rpc
from services.platform.rpc import catalogue
from services.platform.rpc.error_shapes import ErrorShape
from services.platform.rpc.surfaces import error_headers, error_trailers, render_error

REST = catalogue.surface("rest")


@pytest.mark.parametrize("reason", ErrorReason)
def test_every_reason_has_a_rendering(reason: ErrorReason) -> None:
    assert reason.mapping.grpc != 0
    assert 400 <= reason.mapping.http < 600
    code = REST.code(reason)
    assert isinstance(code, int)
    assert code >= 1000


def test_codes_are_unique() -> None:
    codes = [REST.code(reason) for reason in ErrorReason]
    assert len(set(codes)) == len(codes)


def test_documented_codes() -> None:
    documented = {ErrorReason.API_KEY_INVALID: 1402, ErrorReason.TOO_MANY_FILES: 1505, ErrorReason.UPLOAD_NOT_FOUND: 1510}
    assert {reason: REST.code(reason) for reason in documented} == documented


def test_status_carries_reason_field_and_allowed_values() -> None:
    error = DarkroomError(ErrorReason.FIELD_INVALID, "type: must be 2X or 4X", field="type", allowed=["2X", "4X"])
    status = error.status()
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert (info.reason, info.domain, info.metadata["allowed"]) == ("FIELD_INVALID", "darkroom", "2X, 4X")
    assert bad.field_violations[0].field == "type"


def test_error_survives_a_call_between_services() -> None:
    error = DarkroomError(
        ErrorReason.FILE_NOT_FOUND, "No such file.", field="files[1]", allowed=["a", "b"], metadata={"file_id": "7"}, retry_after=3
    )
    received = from_rpc(_rpc_error(grpc.StatusCode.NOT_FOUND, error.trailers()))
    assert (received.reason, received.message, received.field) == (error.reason, error.message, error.field)
    assert (received.allowed, received.metadata, received.retry_after) == (error.allowed, error.metadata, 3)


def test_error_survives_pickling() -> None:
    error = DarkroomError(ErrorReason.FILE_CORRUPT, "Damaged.", field="f", metadata={"file_id": "7"}, retry_after=3)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, copy.message, copy.field, copy.metadata) == (error.reason, error.message, error.field, error.metadata)
    assert copy.retry_after == copy.at("g").retry_after == 3


def test_foreign_errors_do_not_leak() -> None:
    foreign = status_pb2.Status(code=13, message="stack trace")
    received = from_rpc(_rpc_error(grpc.StatusCode.INTERNAL, (("grpc-status-details-bin", foreign.SerializeToString()),)))
    assert received.reason is ErrorReason.INTERNAL
    assert "stack" not in received.message


@pytest.mark.parametrize(
    ("code", "details", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, "Connection refused", ErrorReason.UNAVAILABLE),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", ErrorReason.UNAVAILABLE),
        (grpc.StatusCode.CANCELLED, "CANCELLED", ErrorReason.UNAVAILABLE),
        (grpc.StatusCode.UNKNOWN, "Stream removed", ErrorReason.UNAVAILABLE),
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2", ErrorReason.UNAVAILABLE),
        (grpc.StatusCode.INTERNAL, "Exception deserializing response!", ErrorReason.INTERNAL),
        (grpc.StatusCode.UNIMPLEMENTED, "Method not found!", ErrorReason.INTERNAL),
    ],
)
def test_a_service_that_is_away_or_ends_its_calls_is_unavailable(code: grpc.StatusCode, details: str, reason: ErrorReason) -> None:
    assert from_rpc(_rpc_error(code, (), details)).reason is reason


def test_missing_file_named_by_a_body_is_the_requests_fault() -> None:
    error = DarkroomError(ErrorReason.FILE_NOT_FOUND, "No such file.")
    assert error.http_status == 404
    assert error.at("image_file_id").http_status == 400


def _rpc_error(code: grpc.StatusCode, trailers: tuple[tuple[str, bytes], ...], details: str = "transport") -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details=details)


def test_a_reason_advises_a_wait_that_is_nobody_s_own() -> None:
    error = DarkroomError(ErrorReason.UNAVAILABLE, "Later.")
    assert (error.advised_wait, error.retry_after) == (ErrorReason.UNAVAILABLE.mapping.retry_after_seconds, None)
    assert "retry-after" in dict(error_trailers(REST, error))
    received = from_rpc(_rpc_error(grpc.StatusCode.UNAVAILABLE, error.trailers()))
    assert (received.advised_wait, received.retry_after) == (error.advised_wait, None)
    assert DarkroomError(ErrorReason.UNAVAILABLE, "Later.", retry_after=30).advised_wait == 30
    assert DarkroomError(ErrorReason.FIELD_INVALID, "No.").advised_wait is None


def test_a_body_with_a_code_wants_one_for_every_reason() -> None:
    with pytest.raises(ValueError, match="no error code means API_KEY_INVALID"):
        ErrorShape(surface_pb2.ErrorEnvelope.DESCRIPTOR, None)
    with pytest.raises(ValueError, match=r"BalanceResult\.\w+ must say by the option `holds`"):
        ErrorShape(billing_pb2.BalanceResult.DESCRIPTOR, surface_pb2.ErrorCode.DESCRIPTOR)


def test_every_violation_passes_from_service_to_service() -> None:
    violations = [Violation("data.padding", "must be below 50"), Violation("data.more", "is not a known field")]
    raised = DarkroomError(
        ErrorReason.FIELD_INVALID, "data.padding: must be below 50. data.more: is not a known field.", violations=violations
    )
    passed = from_rpc(_rpc_error(grpc.StatusCode.INVALID_ARGUMENT, raised.trailers()))
    assert (passed.field, list(passed.violations)) == ("data.padding", violations)


@pytest.mark.parametrize(
    ("reason", "passes"),
    [
        (ErrorReason.RATE_LIMITED, True),
        (ErrorReason.UNAVAILABLE, True),
        (ErrorReason.WORKER_LOST, True),
        (ErrorReason.PROVIDER_UNAVAILABLE, True),
        (ErrorReason.INTERNAL, False),
        (ErrorReason.FIELD_INVALID, False),
        (ErrorReason.TOO_MANY_API_KEYS, False),
    ],
)
def test_whether_a_cause_passes_by_itself(reason: ErrorReason, passes: bool) -> None:
    assert DarkroomError(reason, "…").passes is passes


def test_headers_repeat_parts_of_an_error() -> None:
    said = dict(error_headers(catalogue.surface("fal"), DarkroomError(ErrorReason.TOO_MANY_TASKS, "…"), "request"))
    assert said == {"x-fal-error-type": "concurrent_requests_limit", "x-fal-retryable": "true"}


@pytest.mark.parametrize(
    ("kind", "message"),
    [("missing", "Authentication required"), ("", "Session expired or invalid"), ("expired", "Session expired or invalid")],
)
def test_a_surface_has_words_of_its_own_for_some_errors(kind: str, message: str) -> None:
    surface = catalogue.surface("snapotter")
    error = DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token", metadata={"kind": kind} if kind else None)
    assert render_error(surface, error, "request") == (401, {"error": message})
    assert render_error(surface, DarkroomError(ErrorReason.RATE_LIMITED, "Slow down."), "request") == (429, {"error": "Slow down."})


def test_a_surface_whose_errors_have_no_code_has_no_codes() -> None:
    surface = catalogue.surface("snapotter")
    assert {surface.code(reason) for reason in ErrorReason} == {None}
