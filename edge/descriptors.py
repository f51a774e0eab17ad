"""The descriptors that Envoy's transcoder reads: of what it transcodes alone, since it keeps all it is given."""

from __future__ import annotations

from collections.abc import Collection

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from reference.comments import descriptor_set


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
