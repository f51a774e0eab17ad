"""The TypeScript client writes options of operations as the protos have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor

from darkroom.operations.v1 import operation_pb2

GENERATED = Path(__file__).resolve().parents[3] / "clients" / "typescript" / "src" / "generated" / "prefixes.ts"


def prefixes(message: Descriptor) -> dict[str, Any]:
    """By field, what the names of its enum begin with, and the same of the messages inside it."""
    found: dict[str, Any] = {}
    for field in message.fields:
        if field.enum_type is not None:
            found[field.name] = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
        elif field.message_type is not None and (inner := prefixes(field.message_type)):
            found[field.name] = inner
    return found


def test_short_names_of_enums_become_those_of_the_protos() -> None:
    written = json.loads(GENERATED.read_text().split("PREFIXES = ")[1].rstrip(";\n"))
    protos = {field.name: prefixes(field.message_type) for field in operation_pb2.Operation.DESCRIPTOR.fields if field.message_type}
    assert written == protos
