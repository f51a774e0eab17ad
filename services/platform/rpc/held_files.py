"""Files that come with a call in place of being stored before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from darkroom.common.v1.held_pb2 import HeldFile
from services.platform.identity import GATEWAY, current_identity
from services.platform.rpc.handing_over import handed_over, handing_over
from services.platform.rpc.json_messages import invalid


@dataclass(frozen=True, slots=True)
class Held:
    """A file that the gateway holds, as in HeldFile."""

    file_id: int
    output_file_id: int
    name: str
    content: bytes
    surface: str = ""


class _HoldsFile(Protocol):
    @property
    def held(self) -> HeldFile: ...

    def HasField(self, field_name: Literal["held"], /) -> bool: ...  # noqa: N802 - protobuf's name


@contextmanager
def passing(held: Held, *, here: bool) -> Iterator[HeldFile]:
    """The message for calls inside the block; `here`: they stay in this process, and so does the content."""
    message = HeldFile(file_id=held.file_id, output_file_id=held.output_file_id, name=held.name, surface=held.surface)
    if not here:
        message.content = held.content
        yield message
        return
    with handing_over(held.content) as message.handed_over:
        yield message


def held_file(request: _HoldsFile) -> Held | None:
    """The file that the gateway has held for the call. Raises FIELD_INVALID if any other caller sends one, or if its content is gone."""
    if not request.HasField("held"):
        return None
    if current_identity().service != GATEWAY:
        raise invalid("held", "is not a field of the request")
    held = request.held
    content = handed_over(held.handed_over) if held.handed_over else held.content
    return Held(held.file_id, held.output_file_id, held.name, content, held.surface)
