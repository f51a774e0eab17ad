from contextvars import copy_context

import pytest

from darkroom.tasks.v1 import tasks_service_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import in_progress
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import Identity, set_identity
from services.platform.rpc import catalogue
from services.platform.rpc.idempotency import current_idempotency, set_idempotency
from services.platform.rpc.surfaces import error_trailers


def _call(key: str | None, priority: int = 0, method: str = "/service/Create") -> IdempotentCall | None:
    def serve() -> IdempotentCall | None:
        set_identity(Identity(account_id=7))
        set_idempotency(method, key, tasks_service_pb2.CreateTaskRequest(input_file_ids=[1, 2], priority=priority))
        return current_idempotency()

    return copy_context().run(serve)


def test_no_key_is_no_idempotency() -> None:
    assert _call(None) is None


@pytest.mark.parametrize("key", [" ", "~", "a" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
def test_printable_ascii_is_a_key(key: str) -> None:
    call = _call(key)
    assert call is not None
    assert (call.account_id, call.method, call.key, len(call.digest)) == (7, "/service/Create", key, 32)


@pytest.mark.parametrize("key", ["", "a" * 256, "ä", "a\n", "\x7f"])
def test_anything_else_is_refused(key: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        _call(key)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "idempotency-key")


def test_the_digest_tells_requests_apart_and_knows_one_again() -> None:
    first, again, other = _call("a"), _call("a"), _call("a", priority=1)
    assert first == again
    assert first is not None and other is not None
    assert first.digest != other.digest


def test_http_clients_learn_when_to_repeat() -> None:
    assert dict(error_trailers(catalogue.surface("rest"), in_progress()))["retry-after"] == "1"
    assert "retry-after" not in dict(error_trailers(catalogue.surface("rest"), DarkroomError(ErrorReason.TASK_NOT_FOUND, "No such task.")))
