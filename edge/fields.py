"""The fields that the JSON bodies of calls may have, for the edge's Lua, which names all others."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from services.platform.rpc import catalogue

Kind = str | bool
"""What a value holds: the full name of a message or a map, or False for what is not looked into."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The messages and maps that can occur in bodies, by their full names."""

    messages: dict[str, dict[str, Kind]] = field(default_factory=dict)
    """What the fields of each message hold, by both of their JSON names."""
    maps: dict[str, Kind] = field(default_factory=dict)
    """What the values of each map hold."""


def fields_of_bodies() -> Fields:
    """Those of every JSON call that takes a body."""
    found = Fields()
    for service in catalogue.called_services():
        for method in service.methods:
            if catalogue.takes_body(method):
                _add(method.input_type, found)
    return found


def _add(message: Descriptor, found: Fields) -> None:
    if message.full_name in found.messages:
        return
    known = found.messages[message.full_name] = {}
    for each in message.fields:
        known[each.name] = known[each.json_name] = _kind(each, found)


def _kind(each: FieldDescriptor, found: Fields) -> Kind:
    message = each.message_type
    if message is None:
        return False
    if message.GetOptions().map_entry:
        found.maps[message.full_name] = _kind(message.fields_by_name["value"], found)
        return message.full_name
    # Times, wrappers and the like have a JSON form of their own; Struct, Value and Any take everything.
    if message.file.package == "google.protobuf":
        return False
    _add(message, found)
    return message.full_name
