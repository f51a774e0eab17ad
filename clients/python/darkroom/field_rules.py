"""protovalidate's rules as JSON Schema: the limits of fields of requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumValueDescriptor, FieldDescriptor

_AT_MOST = re.compile(r"this <= (\d+)")
_SIZE_AT_MOST = re.compile(r"this\.size\(\) <= (\d+)")
_PLAIN = {
    "min_len": "minLength",
    "max_len": "maxLength",
    "pattern": "pattern",
    "const": "const",
    "gte": "minimum",
    "gt": "exclusiveMinimum",
    "lte": "maximum",
    "lt": "exclusiveMaximum",
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique": "uniqueItems",
}
_FORMATS = ("uri", "email", "hostname", "uuid")
_IGNORED = ("defined_only", "not_in", "items", "example")


class UnknownRuleError(Exception):
    """A rule that this module cannot express. Add it here, or the documents would omit it."""


def rules_of(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """The rules on a field; empty ones if it has none."""
    rules: validate_pb2.FieldRules = field.GetOptions().Extensions[validate_pb2.field]
    return rules


def is_required(field: FieldDescriptor) -> bool:
    """Whether the field must be there: it is marked as required, or its list must not be empty."""
    rules = rules_of(field)
    return rules.required or rules.repeated.min_items > 0


def values_of(field: FieldDescriptor) -> Sequence[EnumValueDescriptor]:
    """The values that a field with an enum takes, without the one that means absence; none for any other field."""
    refused = set(rules_of(field).enum.not_in)
    return [] if field.enum_type is None else [value for value in field.enum_type.values if value.number and value.number not in refused]


def requires_one_of_several(message: Descriptor) -> bool:
    """Whether one of some fields must be there."""
    rules: validate_pb2.MessageRules = message.GetOptions().Extensions[validate_pb2.message]
    return any(rule.required for rule in rules.oneof)


def constraints(rules: validate_pb2.FieldRules) -> dict[str, Any]:
    """JSON Schema keywords for the value itself. Raises UnknownRuleError."""
    schema: dict[str, Any] = {}
    kind = rules.WhichOneof("type")
    if kind is not None:
        for descriptor, value in getattr(rules, kind).ListFields():
            schema |= _keyword(kind, descriptor.name, value)
    for rule in rules.cel:
        schema |= _from_cel(rule.expression)
    return schema


def _keyword(kind: str, name: str, value: Any) -> dict[str, Any]:
    if name == "in":
        return {"enum": list(value)}
    if name in _PLAIN:
        return {_PLAIN[name]: value}
    if name in _FORMATS:
        return {"format": name} if value else {}
    if name in _IGNORED:
        return {}
    raise UnknownRuleError(f"{kind}.{name}")


def _from_cel(expression: str) -> dict[str, Any]:
    if match := _AT_MOST.fullmatch(expression):
        return {"maximum": int(match[1])}
    if match := _SIZE_AT_MOST.fullmatch(expression):
        return {"maxItems": int(match[1])}
    # A rule over several values has no keyword: the field's comment describes it.
    return {}
