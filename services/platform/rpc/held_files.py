"""Files that come with a call in place of being stored before it."""

from __future__ import annotations

from typing import Literal, Protocol

from darkroom.common.v1.held_pb2 import HeldFile
from services.platform.identity import GATEWAY, current_identity
from services.platform.rpc.json_messages import invalid


class _HoldsFile(Protocol):
    @property
    def held(self) -> HeldFile: ...

    def HasField(self, field_name: Literal["held"], /) -> bool: ...  # noqa: N802 - protobuf's name


def held_file(request: _HoldsFile) -> HeldFile | None:
    """The file that the gateway has held for the call. Raises FIELD_INVALID if any other caller sends one."""
    if not request.HasField("held"):
        return None
    if current_identity().service != GATEWAY:
        raise invalid("held", "is not a field of the request")
    return request.held
