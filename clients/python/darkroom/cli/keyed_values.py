"""Options that hold several values by their names, such as `picture=1,zoom=2`: a message of plain fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import typer
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_VALUES: Mapping[int, Callable[[str], Any]] = {
    FieldDescriptor.TYPE_UINT32: int,
    FieldDescriptor.TYPE_INT32: int,
    FieldDescriptor.TYPE_DOUBLE: float,
    FieldDescriptor.TYPE_STRING: str,
}
_SHOWN: Mapping[int, str] = {FieldDescriptor.TYPE_STRING: "TEXT"}
"""The placeholder for a value that is not a number."""


def is_plain(message: Descriptor) -> bool:
    """Whether all fields are single numbers, texts or choices."""
    return all(not field.is_repeated and (field.enum_type is not None or field.type in _VALUES) for field in message.fields)


def metavar(message: Descriptor) -> str:
    """Such as `PICTURE=N,ZOOM=N`."""
    return ",".join(f"{field.name.upper()}={'WORD' if field.enum_type else _SHOWN.get(field.type, 'N')}" for field in message.fields)


def read(text: str, message: Descriptor, option: str) -> Message:
    """The message. Raises `typer.BadParameter` for what is not of it."""
    made = GetMessageClass(message)()
    for part in text.split(","):
        name, _, value = (piece.strip().lower() for piece in part.partition("="))
        field = message.fields_by_name.get(name.replace("-", "_"))
        if field is None:
            known = ", ".join(each.name for each in message.fields)
            raise typer.BadParameter(f"{part!r} must be one of {known}, with = and its value", param_hint=option)
        try:
            setattr(made, field.name, _choice(field.enum_type, value) if field.enum_type else _VALUES[field.type](value))
        except (KeyError, ValueError):
            raise typer.BadParameter(f"{value!r} is not a value for {field.name}", param_hint=option) from None
    return made


def _choice(enum: EnumDescriptor, word: str) -> int:
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    return int(enum.values_by_name[f"{prefix}{word.upper().replace('-', '_')}"].number)
