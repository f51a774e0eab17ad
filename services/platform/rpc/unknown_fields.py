"""Fields of a JSON request that the called method does not have. The edge's transcoder drops them; its Lua names them in a header."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from services.platform.errors import UNKNOWN, DarkroomError, ErrorReason, Violation

UNKNOWN_FIELDS_HEADER = "x-darkroom-unknown-fields"
"""Paths such as `items[0].file_idz`, with commas between them; what the client chose is percent-encoded. Never a client's own."""
_INDEX = re.compile(r"\[\d+\]$")
_SIMILARITY = 0.7


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that a call does not have."""

    path: str
    """Such as `operations[0].upscale.fcator`."""
    names: Sequence[str]
    """The fields that are there."""

    @property
    def problem(self) -> str:
        """The problem, for humans."""
        near = difflib.get_close_matches(self.path.rpartition(".")[2], self.names, 1, _SIMILARITY)
        return "is not a field of this call" + (f"; did you mean {near[0]}?" if near else ".")

    def refusal(self) -> DarkroomError:
        """FIELD_INVALID."""
        violation = Violation(self.path, self.problem, UNKNOWN)
        message = f"{self.path}: {self.problem}"
        rule = {"rule": "unknown_field"}
        return DarkroomError(ErrorReason.FIELD_INVALID, message, allowed=self.names, violations=[violation], metadata=rule)


_unknown: ContextVar[Sequence[UnknownField]] = ContextVar("unknown_fields", default=())


def set_unknown_fields(fields: Sequence[UnknownField]) -> None:
    """Remember what the current call does not have."""
    _unknown.set(fields)


def current_unknown_fields() -> Sequence[UnknownField]:
    """The fields that the client sent and the current call does not have, for methods that name them in their replies."""
    return _unknown.get()


def with_unknown_fields(error: DarkroomError) -> DarkroomError:
    """A refusal of the current call that also names its unknown fields: one of them may be the missing field, misspelt."""
    unknown = current_unknown_fields()
    if not unknown:
        return error
    told = " ".join(f"{field.path} {field.problem}" for field in unknown)
    return error.saying(f"{error.message.rstrip('.')}. {told}")


def unknown_fields(header: str, message: Message) -> list[UnknownField]:
    """The fields that the edge's header names, of this request."""
    descriptor: Any = message.DESCRIPTOR
    return [_field(path, descriptor) for path in header.split(",") if path]


def _field(path: str, message: Descriptor) -> UnknownField:
    *above, _ = path.split(".")
    within: Descriptor | None = message
    for name in above:
        within = _inner(within, unquote(_INDEX.sub("", name))) if within is not None else None
    shown = "".join(character if character.isprintable() else "\ufffd" for character in unquote(path))
    return UnknownField(shown, [field.name for field in within.fields] if within is not None else [])


def _inner(message: Descriptor, name: str) -> Descriptor | None:
    if message.GetOptions().map_entry:
        return message.fields_by_name["value"].message_type
    field = message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)
    return field.message_type if field is not None else None
