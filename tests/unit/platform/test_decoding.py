"""Which text of a request is blamed for a U+0000."""

import pytest
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from google.rpc import error_details_pb2

from compat.claid.v1.edits_pb2 import UploadAndEditImageRequest
from darkroom.accounts.v1.sessions_service_pb2 import CreateSessionRequest
from darkroom.common.v1.held_pb2 import HeldFile
from darkroom.rest.v1.operation_calls_pb2 import RunOperationRequest
from services.platform.errors import DarkroomError
from services.platform.rpc.decoding import lenient, require_readable

BAD = error_details_pb2.BadRequest
HELP = error_details_pb2.Help
INFO = error_details_pb2.ErrorInfo


def read(message: Message) -> None:
    require_readable(lenient(type(message).FromString)(message.SerializeToString()))


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (INFO(reason="a\0"), "reason"),
        (INFO(metadata={"a": "b", "c": "\0"}), "metadata[c]"),
        (INFO(metadata={"\0": "b"}), "metadata[\ufffd]"),
        (BAD(field_violations=[BAD.FieldViolation(), BAD.FieldViolation(description="\0")]), "field_violations[1].description"),
        (UploadAndEditImageRequest(file="1", held=HeldFile(name="a\0", content=b"b")), "held.name"),
        (RunOperationRequest(held=HeldFile(surface="\0", content=b"\0")), "held.surface"),
        (error_details_pb2.DebugInfo(stack_entries=["a", "b\0c"]), "stack_entries[1]"),
    ],
)
def test_the_field_is_named(message: Message, field: str) -> None:
    with pytest.raises(DarkroomError) as raised:
        read(message)
    assert raised.value.field == field


@pytest.mark.parametrize(
    "message", [INFO(reason="a"), error_details_pb2.RetryInfo(), Value(number_value=0.5), HeldFile(name="a", content=b"\0")]
)
def test_other_zero_bytes_are_fine(message: Message) -> None:
    read(message)


def test_a_request_may_take_any_text() -> None:
    read(CreateSessionRequest(user_name="a\0", password="\0"))
