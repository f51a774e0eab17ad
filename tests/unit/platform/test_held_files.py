"""Files that come with a call."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from compat.claid.v1.edits_pb2 import UploadAndEditImageRequest
from darkroom.common.v1.held_pb2 import HeldFile
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import GATEWAY, Identity, set_identity
from services.platform.rpc.held_files import held_file

REQUEST = UploadAndEditImageRequest(file="1", held=HeldFile(file_id=1, output_file_id=2, name="a.jpg", content=b"a"))


def called_by(service: str | None, request: UploadAndEditImageRequest) -> HeldFile | None:
    def call() -> HeldFile | None:
        set_identity(Identity(account_id=1, service=service))
        return held_file(request)

    return copy_context().run(call)


def test_only_the_gateway_sends_one() -> None:
    assert called_by(GATEWAY, REQUEST) == REQUEST.held
    with pytest.raises(DarkroomError) as raised:
        called_by(None, REQUEST)
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "held")
    assert called_by(None, UploadAndEditImageRequest(file="1")) is None
