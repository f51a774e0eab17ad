"""The settings of a tool: JSON text of a form, read strictly, as the message that describes them.

Nothing is coerced: `"5"` is no number, but where a setting says that it is one. Keys that a tool does not have are ignored, and absent ones
get their defaults (`default_value`).
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from darkroom.common.v1 import options_pb2
from services.gateway.surfaces.snapotter.errors import Refusal
from services.platform.rpc.validation import RequestValidator

INVALID = "Invalid settings"
NOT_JSON = "Settings must be valid JSON"
_Message = TypeVar("_Message", bound=Message)
_WHOLE = {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
_MOST_TOLD = 20
_LARGEST_WHOLE = 2**31 - 1
_PATH = re.compile(r"[\w.\[\]]+")
"""The path of a field, within a message of a fault."""
_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})", re.ASCII)
"""In a text; nothing that is not written as people write numbers."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_CLOSED_BY = {"[": "]", "{": "}"}
_DEEPEST = 100
"""Levels of JSON that are read where it has too many for the parser. No tool has a setting below them."""
_validator = RequestValidator()


def read_json(text: str) -> object:
    """The value of a JSON text. Raises `Refusal` for any other text."""
    try:
        try:
            return json.loads(text, parse_constant=_refuse)
        except RecursionError:
            return json.loads(_shallow(text), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Refusal(400, NOT_JSON) from None


def _shallow(text: str) -> str:
    """The text with `null` for values that are nested too deep; unchanged if its brackets do not match."""
    open_: list[str] = []
    kept: list[str] = []
    end = cut = 0
    for token in _TOKEN.finditer(text):
        if token[0] in _CLOSED_BY:
            open_.append(_CLOSED_BY[token[0]])
            if len(open_) == _DEEPEST:
                cut = token.start()
        elif token[0] in ("]", "}"):
            if not open_ or open_.pop() != token[0]:
                return text
            if len(open_) == _DEEPEST - 1:
                kept.append(f"{text[end:cut]}null")
                end = token.end()
    return text if open_ else "".join((*kept, text[end:]))


def read_settings(text: str, kind: type[_Message]) -> _Message:
    """The settings in a form's text; empty: none. Raises `Refusal`."""
    return settings_of(read_json(text) if text.strip() else {}, kind)


def settings_of(value: object, kind: type[_Message]) -> _Message:
    """The settings in a JSON value, with defaults in place of what is absent. Raises `Refusal`, which names every fault."""
    message, faults = check_settings(value, kind)
    if faults:
        raise Refusal(400, INVALID, details="; ".join(faults))
    return message


def check_settings(value: object, kind: type[_Message]) -> tuple[_Message, Sequence[str]]:
    """The settings in a JSON value, and what is wrong with them: `width: must be a number`. With faults, the message means nothing."""
    message, described = kind(), cast("Descriptor", kind.DESCRIPTOR)
    if not isinstance(value, dict):
        return message, ["must be an object"]
    faults = list(_faults(value, described, ""))
    mistyped = {_outermost(fault) for fault in faults}
    try:
        ParseDict(_known({name: given for name, given in value.items() if name not in mistyped}, described), message)
    except (ParseError, ValueError, TypeError) as error:
        # A fault that no JSON type shows: a number beyond its kind's range.
        faults.append(str(error).splitlines()[0][:200])
    else:
        found = [_camel(error.message) for error in _validator.faults(message)]
        # Whether the whole is as it should be, or what has a type of its own is absent, cannot be said without it.
        faults += [fault for fault in found if not mistyped or _outermost(fault) not in {*mistyped, ""}]
    if not faults:
        _fill(message)
    return message, faults[:_MOST_TOLD]


def path_and_message(fault: str) -> tuple[str, str]:
    """The two parts of a fault; the path is empty for one about all settings."""
    path, colon, rest = fault.partition(": ")
    return (path, rest) if colon and _PATH.fullmatch(path) else ("", fault)


def _faults(value: Mapping[str, Any], message: Descriptor, path: str) -> Iterator[str]:
    """The faults in the types of the fields."""
    for field in message.fields:
        if field.json_name in value:
            at = f"{path}{field.json_name}"
            given = value[field.json_name]
            if not field.is_repeated:
                yield from _fault(_numeric(given, field), field, at)
            elif not isinstance(given, list):
                yield f"{at}: must be a list"
            else:
                for index, item in enumerate(given):
                    yield from _fault(item, field, f"{at}[{index}]")


def _outermost(fault: str) -> str:
    """The setting that a fault is about, or within which it is; empty for one about all of them."""
    path, colon, _ = fault.partition(":")
    return re.split(r"[.\[]", path, maxsplit=1)[0] if colon and _PATH.fullmatch(path) else ""


def _fault(given: object, field: FieldDescriptor, at: str) -> Iterator[str]:
    kind = field.cpp_type
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Value":
            return
        if not isinstance(given, dict):
            yield f"{at}: must be an object"
        else:
            yield from _faults(given, field.message_type, f"{at}.")
    elif kind == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(given, bool):
            yield f"{at}: must be true or false"
    elif kind == FieldDescriptor.CPPTYPE_STRING:
        if not isinstance(given, str):
            yield f"{at}: must be a string"
    elif isinstance(given, bool) or not isinstance(given, int | float):
        yield f"{at}: must be a number"
    elif isinstance(given, float) and not math.isfinite(given):
        yield f"{at}: must be a finite number"
    elif kind in _WHOLE and given != math.floor(given):
        yield f"{at}: must be a whole number"
    elif abs(given) > (_LARGEST_WHOLE if kind in _WHOLE else sys.float_info.max):
        yield f"{at}: is too large"


def _known(value: Mapping[str, Any], message: Descriptor) -> dict[str, Any]:
    """The fields that the message has."""
    known: dict[str, Any] = {}
    for field in message.fields:
        if field.json_name not in value:
            continue
        given, inner = _numeric(value[field.json_name], field), field.message_type
        if inner is None or inner.full_name.startswith("google.protobuf."):
            known[field.json_name] = given
        elif field.is_repeated:
            known[field.json_name] = [_known(item, inner) for item in given]
        else:
            known[field.json_name] = _known(given, inner)
    return known


def _numeric(given: Any, field: FieldDescriptor) -> Any:
    """The number in a text, where a setting may be sent as one; anything else unchanged."""
    if not isinstance(given, str) or not field.GetOptions().Extensions[options_pb2.number_or_text]:
        return given
    try:
        return float(given) if _NUMBER.fullmatch(given.strip()) else given
    except ValueError:
        return given


def _fill(message: Message) -> None:
    """Set absent fields to what their absence means, those of messages within, too."""
    for field, value in _defaults(message.DESCRIPTOR):
        if not message.HasField(field.name):
            setattr(message, field.name, value)
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.full_name.startswith("google.protobuf."):
            continue
        for inner in value if field.is_repeated else [value]:
            _fill(inner)


@cache
def _defaults(message: Descriptor) -> list[tuple[FieldDescriptor, Any]]:
    said = [(field, field.GetOptions().Extensions[options_pb2.default_value]) for field in message.fields]
    return [(field, json.loads(text)) for field, text in said if text]


def _camel(message: str) -> str:
    """A message that begins with the path of a field, as the surface's clients write it."""
    path, colon, rest = message.partition(":")
    if not colon or not _PATH.fullmatch(path):
        return message
    first, *others = path.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others) + colon + rest


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")
