"""Files that come with a call."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from compat.claid.v1.edits_pb2 import UploadAndEditImageRequest
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import GATEWAY, Identity, set_identity
from services.platform.rpc.held_files import Held, held_file, passing

HELD = Held(1, 2, "a.jpg", b"a\0picture", "rest")


def called_by(service: str | None, request: UploadAndEditImageRequest) -> Held | None:
    def call() -> Held | None:
        set_identity(Identity(account_id=1, service=service))
        return held_file(request)

    return copy_context().run(call)


@pytest.mark.parametrize("here", [False, True])
def test_only_the_gateway_sends_one(*, here: bool) -> None:
    with passing(HELD, here=here) as message:
        request = UploadAndEditImageRequest.FromString(UploadAndEditImageRequest(file="1", held=message).SerializeToString())
        assert called_by(GATEWAY, request) == HELD
        with pytest.raises(DarkroomError) as raised:
            called_by(None, request)
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "held")
    assert called_by(None, UploadAndEditImageRequest(file="1")) is None


def test_within_a_process_the_content_is_not_copied_and_stays_no_longer_than_the_call() -> None:
    with passing(HELD, here=True) as message:
        request = UploadAndEditImageRequest(file="1", held=message)
        held = called_by(GATEWAY, request)
        assert held is not None
        assert held.content is HELD.content
        assert not message.content
    with pytest.raises(DarkroomError) as raised:
        called_by(GATEWAY, request)
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "handed_over")
