"""The edge's knowledge of JSON bodies: the descriptors that Envoy's transcoder reads, and the fields that its Lua looks into."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from reference.comments import descriptor_set
from services.platform.rpc import catalogue


def transcoded_descriptors(services: Collection[str]) -> FileDescriptorSet:
    """The files of services, by their full names, and all that these import, without comments."""
    files = {file.name: file for file in descriptor_set().file}
    needed = [file.name for file in files.values() if any(f"{file.package}.{service.name}" in services for service in file.service)]
    for name in needed:
        needed += [imported for imported in files[name].dependency if imported not in needed]
    # In the order of the whole set: each file after those that it imports.
    kept = [file for name, file in files.items() if name in needed]
    for file in kept:
        file.ClearField("source_code_info")
    return FileDescriptorSet(file=kept)


Kind = str | bool
"""The type of a value: the full name of a message or a map, or False for values that are not examined."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The messages and maps that can occur in bodies, by their full names."""

    messages: dict[str, dict[str, Kind]] = field(default_factory=dict)
    """The types of the fields of each message, by both of their JSON names."""
    maps: dict[str, Kind] = field(default_factory=dict)
    """The types of the values of each map."""


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
