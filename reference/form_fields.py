"""The fields of a form: what a message takes, from its descriptor, rules, options and comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from darkroom.common.v1 import forms_pb2, options_pb2
from darkroom.field_rules import constraints, is_required, rules_of, values_of
from darkroom.operations.v1 import options_pb2 as operation_options
from reference.comments import Comments
from reference.form_words import label_of, option_label, unit_of

Field = dict[str, Any]

_WHOLE = frozenset(getattr(FieldDescriptor, f"CPPTYPE_{name}") for name in ("INT32", "UINT32", "INT64", "UINT64"))
_UNSIGNED = frozenset((FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64))
_REAL = frozenset((FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT))
_OTHER_NAME = re.compile(r"(?:As (?:the position )?`\w+`|Another name of `\w+`)(?=[,.])")
_SAME_OPTION = re.compile(r"`(\w+)` is `(\w+)`")
_ABSENT = re.compile(r"If absent,(?: or `\w+`,)? `?([\w:]+(?:\.\d\w*)?)`?\.|\b(\d+) if absent\b|If absent, `(\w+)`")
_ZERO = re.compile(r"\b0: ")
"""Where a comment says what 0 means, it is not the number itself."""
_AS = re.compile(r"As ([A-Z0-9_]+)\.")
_CODE = re.compile(r": [A-Z]+(?:_[A-Z]+)+(?=\.)")
"""The reason that a program gets, as a comment names it: in a form, it means nothing."""
_BOX = "darkroom.operations.v1.PercentBox"
_FAR = 5000
_LONG_TEXT = 1000
"""Characters from which a text has several lines."""


class FormFields:
    """Describes the fields of messages, by their names in the protos."""

    def __init__(self, comments: Comments) -> None:
        self._comments = comments

    def of(self, message: Descriptor, values: Mapping[str, Field] = MappingProxyType({})) -> list[Field]:
        """All fields but those that are hidden, and that are other names of one. `values` is what no rule says of the values of some."""
        shown = [field for field in message.fields if not _words(field).hidden and not self.is_other_name(field)]
        return [self._field(field, values.get(field.name, {})) for field in shown]

    def is_other_name(self, field: FieldDescriptor) -> bool:
        """Whether another field is the same."""
        return _OTHER_NAME.match(self._comments.of(field.full_name)) is not None

    def conditions(self, message: Descriptor, show_when: Sequence[str]) -> Field:
        """When a field of the message means something, if that is said."""
        found: dict[str, list[Any]] = {}
        for name, _, values in (condition.partition("=") for condition in show_when):
            other = message.fields_by_name[name]
            is_bool = other.cpp_type == FieldDescriptor.CPPTYPE_BOOL
            found[other.name] = [value == "true" if is_bool else value for value in values.split(",")]
        return {"show_when": found} if found else {}

    def _field(self, field: FieldDescriptor, values: Field) -> Field:
        name, comment, words = field.name, self._comments.of(field.full_name), _words(field)
        described: Field = {"name": name, "label": label_of(name), "help": _CODE.sub("", comment)}
        described |= self._typed(field, comment) | values | _said(words)
        described |= self.conditions(cast("Descriptor", field.containing_type), words.show_when)
        if "options" in described:
            described["options"] = self._options(described["options"], words.without, comment)
        if described["type"] == "file":
            described["label"] = words.label or label_of(name.removesuffix("_file_id"))
            described["kinds"] = ["image"]
        unit = unit_of(comment) if described["type"] in ("integer", "number") and "unit" not in described else None
        if unit is not None:
            described["unit"] = unit
        needed = is_required(field) or (described.get("min_length", 0) > 0 and not field.has_presence)
        return described | {"required": needed}

    def _options(self, options: Sequence[Any], without: Iterable[str], comment: str) -> list[dict[str, Any]]:
        left_out = {*without, *(match[1] for match in _SAME_OPTION.finditer(comment))}
        full = [each if isinstance(each, dict) else {"value": each} for each in options]
        return [{"label": option_label(each["value"])} | each for each in full if each["value"] not in left_out]

    def _typed(self, field: FieldDescriptor, comment: str) -> Field:
        if field.is_repeated:
            return self._list(field)
        if field.message_type is not None:
            return {"type": "object", "fields": self.of(field.message_type)}
        if field.enum_type is not None:
            return self._enum(field)
        if field.GetOptions().Extensions[operation_options.auxiliary_input]:
            return {"type": "file"}
        return _scalar(field, constraints(rules_of(field)), self._default(field, comment))

    def _list(self, field: FieldDescriptor) -> Field:
        schema = constraints(rules_of(field))
        most = {"max_items": schema["maxItems"]} if "maxItems" in schema else {}
        if field.message_type is None:
            one: Field = self._enum(field) if field.enum_type is not None else {"type": "string"}
            return {"type": "list", "item": one | self._labelled(one), "default": []} | most
        if field.message_type.full_name == _BOX:
            return {"type": "boxes", "unit": "%", "default": []} | most
        return {"type": "list", "fields": self.of(field.message_type), "default": []} | most

    def _labelled(self, one: Field) -> Field:
        return {"options": self._options(one["options"], (), "")} if "options" in one else {}

    def _enum(self, field: FieldDescriptor) -> Field:
        enum = field.enum_type
        assert enum is not None
        first = enum.values[0]
        prefix = first.name.removesuffix("UNSPECIFIED")
        options = []
        for value in values_of(field):
            told = self._comments.of(f"{enum.full_name}.{value.name}")
            label = {"value": value.name, "label": option_label(value.name.removeprefix(prefix).lower())}
            options.append(label | ({"help": told} if told else {}))
        same = _AS.match(self._comments.of(f"{enum.full_name}.{first.name}"))
        default = {"default": prefix + same[1]} if same and not field.is_repeated else {}
        return {"type": "enum", "options": options} | default

    def _default(self, field: FieldDescriptor, comment: str) -> Any:
        """The meaning of absence; None if it cannot be said in a value."""
        options = field.GetOptions().Extensions
        if said := options[options_pb2.default_value]:
            return json.loads(said)
        if options[operation_options.role] == operation_options.PARAMETER_ROLE_FACTOR:
            return cast("Descriptor", field.containing_type).GetOptions().Extensions[operation_options.operation].size_change.default_factor
        match = _ABSENT.search(comment)
        is_number = field.cpp_type in _WHOLE or field.cpp_type in _REAL
        if match is None:
            return 0 if is_number and not field.has_presence and not _ZERO.search(comment) and _is_near_zero(field) else None
        text = next(group for group in match.groups() if group)
        return int(text) if is_number and text.isdigit() else None if is_number else text


def _is_near_zero(field: FieldDescriptor) -> bool:
    """Whether 0 is one of few values of a number: an amount, rather than a size that is not given."""
    schema = constraints(rules_of(field))
    return float(schema.get("minimum", 0)) <= 0 <= float(schema.get("maximum", _FAR)) < _FAR


def _words(field: FieldDescriptor) -> forms_pb2.FormField:
    return field.GetOptions().Extensions[forms_pb2.form]


def _said(words: forms_pb2.FormField) -> Field:
    """The words of the option about a field by itself."""
    said: Field = {name: getattr(words, name) for name in ("label", "help", "type", "unit") if getattr(words, name)}
    said |= {name: _shortest(getattr(words, name)) for name in ("min", "max", "step") if words.HasField(name)}
    if words.options:
        pairs = [option.partition("=") for option in words.options]
        said["options"] = [{"value": value} | ({"label": label} if label else {}) for value, _, label in pairs]
    return said | ({"also": list(words.also)} if words.also else {})


def _shortest(number: float) -> float:
    return int(number) if number.is_integer() else number


def _scalar(field: FieldDescriptor, schema: Mapping[str, Any], default: Any) -> Field:
    listed = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if listed:
        # In operations, 0 is what is not given.
        options = [value for value in listed if value != 0]
        return {"type": "enum", "options": options} | _given(default, options)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"type": "boolean", "default": bool(default)}
    if field.cpp_type in _WHOLE or field.cpp_type in _REAL:
        return _number(field, schema) | _given(default)
    return _text(field, schema) | _given(default)


def _given(default: Any, options: Sequence[Any] | None = None) -> Field:
    return {} if default is None or (options is not None and default not in options) else {"default": default}


def _number(field: FieldDescriptor, schema: Mapping[str, Any]) -> Field:
    whole = field.cpp_type in _WHOLE
    bounds: Field = {
        ours: schema[theirs]
        for theirs, ours in (("minimum", "min"), ("exclusiveMinimum", "min_exclusive"), ("maximum", "max"))
        if theirs in schema
    }
    if field.cpp_type in _UNSIGNED:
        bounds.setdefault("min", 0)
    bounds = {name: _shortest(float(value)) for name, value in bounds.items()}
    step: float = 1
    if not whole and "min" in bounds and "max" in bounds:
        wide = bounds["max"] - bounds["min"]
        step = 0.05 if wide <= 2 else 0.1 if wide <= 20 else 1
    return {"type": "integer" if whole else "number", **bounds, "step": step}


def _text(field: FieldDescriptor, schema: Mapping[str, Any]) -> Field:
    limits = {ours: schema[theirs] for theirs, ours in (("minLength", "min_length"), ("maxLength", "max_length")) if theirs in schema}
    must = field.GetOptions().Extensions[options_pb2.must]
    pattern = schema.get("pattern", "")
    if "#" in pattern:
        extra = {"also": ["transparent"]} if "transparent" in pattern else {"alpha": True} if "8}" in pattern else {}
        return {"type": "color", **extra}
    if pattern:
        limits |= {"pattern": pattern, "must": must}
    return {"type": "text" if limits.get("max_length", 0) >= _LONG_TEXT else "string", **limits}
