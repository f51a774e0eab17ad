"""Requests made by chance from a seed: valid messages of any type, and bytes that are nearly those of one."""

from __future__ import annotations

import os
from random import Random

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.harness.fuzz_seed import fuzz_seed

SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))
"""How long each of the fuzzing tests goes on."""
SEED = fuzz_seed()

_DEPTH = 5
_TEXTS = (
    *("", "a", "1", "-1", "0", "9" * 30, "1e400", "NaN", "\0", "a\0b", "\x7f", "é", "\u202e", "\U0001f4a9", "a" * 300, "%ff", "../..", "'"),
    *("https://127.0.0.1/", "https://xn--/", "https://[::1", "http://", "image/png", "a.png", "2030-01-31T12:00:00Z", "auto", "dk_sk_"),
)
_INTEGERS = (0, 1, 2, 3, 10, 100, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**64 - 1, -1, -(2**31), -(2**63))
_FLOATS = (0.0, -0.0, 0.5, 1.0, -1.0, 1e308, -1e308, 1e-320, float("inf"), float("-inf"), float("nan"))
_WIDTHS = {
    **dict.fromkeys((FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_ENUM), (-(2**31), 2**31 - 1)),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def message(random: Random, descriptor: Descriptor, depth: int = 0) -> Message:
    """A message of a type with some of its fields set to something that the wire format allows."""
    made = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if is_map or random.random() < 0.4 or (field.message_type is not None and depth == _DEPTH):
            continue
        values = [_value(random, field, depth) for _ in range(random.choice((0, 1, 1, 2, 5)) if field.is_repeated else 1)]
        if field.is_repeated:
            getattr(made, field.name).extend(values)
        elif field.message_type is not None:
            getattr(made, field.name).CopyFrom(values[0])
        else:
            setattr(made, field.name, values[0])
    return made


def _value(random: Random, field: FieldDescriptor, depth: int) -> object:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return message(random, field.message_type, depth + 1)
        case FieldDescriptor.CPPTYPE_STRING:
            text = random.choice(_TEXTS)
            return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
        case FieldDescriptor.CPPTYPE_BOOL:
            return random.random() < 0.5
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return random.choice(_FLOATS)
        case FieldDescriptor.CPPTYPE_ENUM if field.enum_type is not None and random.random() < 0.7:
            return random.choice(field.enum_type.values).number
        case kind:
            low, high = _WIDTHS[kind]
            return random.choice([number for number in _INTEGERS if low <= number <= high] or [random.randint(low, high)])


def encoded(random: Random, descriptor: Descriptor) -> bytes:
    """A request: a valid message, one with damaged bytes, or noise."""
    if random.random() < 0.2:
        return random.randbytes(random.choice((1, 2, 5, 50, 2000)))
    data = bytearray(message(random, descriptor).SerializeToString())
    for _ in range(random.choice((0, 0, 1, 3)) if data else 0):
        at = random.randrange(len(data) + 1)
        match random.randrange(4):
            case 0:
                data[at : at + 1] = random.randbytes(1)
            case 1:
                del data[at:]
            case 2:
                data[at:at] = random.randbytes(random.randint(1, 4))
            case 3:
                data += data[:at]
    return bytes(data)
