"""The comments of the protos, which document everything that is generated here."""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

# Field numbers in descriptor.proto, with which a source location names its element.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED, _NESTED_ENUMS = 2, 3, 4
_ENUM_VALUES = 2
_METHODS = 2


def descriptor_set() -> FileDescriptorSet:
    """Every proto with generated modules on Python's path, with its comments. Raises FileNotFoundError when there are none."""
    found: dict[str, FileDescriptorProto] = {}
    for descriptors in (Path(entry) / "descriptors.pb" for entry in sys.path):
        if descriptors.is_file():
            for file in FileDescriptorSet.FromString(descriptors.read_bytes()).file:
                found.setdefault(file.name, file)
    if not found:
        raise FileNotFoundError("gen/descriptors.pb: run `make generate`")
    return FileDescriptorSet(file=found.values())


def version() -> Hashable:
    """A value that distinguishes one state of these protos from another."""
    files = [path for path in (Path(entry) / "descriptors.pb" for entry in sys.path) if path.is_file()]
    return tuple((str(path), status.st_mtime_ns, status.st_size) for path, status in ((path, path.stat()) for path in files))


class Comments:
    """The leading comment of each element, by the element's full name."""

    def __init__(self, descriptors: Path | None = None) -> None:
        """Read the protos of one descriptor set; if None, all with generated modules on Python's path."""
        self._texts: dict[str, str] = {}
        for file in (FileDescriptorSet.FromString(descriptors.read_bytes()) if descriptors is not None else descriptor_set()).file:
            names = dict(_names(file))
            for location in file.source_code_info.location:
                name = names.get(tuple(location.path))
                if name is not None and location.leading_comments:
                    self._texts[name] = _text(location.leading_comments)

    def of(self, full_name: str) -> str:
        """The comment as Markdown, one line per paragraph; empty if there is none."""
        return self._texts.get(full_name, "")

    def below(self, package: str) -> dict[str, str]:
        """The comments of a package's elements, by full name."""
        return {name: text for name, text in self._texts.items() if name.startswith(f"{package}.")}

    def first_sentence(self, full_name: str) -> str:
        """The text before the first full stop."""
        sentence = re.split(r"[.:](?:\s|$)", self.of(full_name), maxsplit=1)[0]
        return sentence.strip()


def _text(comment: str) -> str:
    paragraphs = re.split(r"\n\s*\n", comment.strip())
    return "\n\n".join(" ".join(line.strip() for line in paragraph.splitlines()) for paragraph in paragraphs)


def _names(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    for index, message in enumerate(file.message_type):
        yield from _message_names(message, (_MESSAGES, index), file.package)
    for index, enum in enumerate(file.enum_type):
        yield (_ENUMS, index), f"{file.package}.{enum.name}"
        for number, value in enumerate(enum.value):
            # In protobuf's naming, values are siblings of their enum; here they are below it, to tell two enums apart.
            yield (_ENUMS, index, _ENUM_VALUES, number), f"{file.package}.{enum.name}.{value.name}"
    for index, service in enumerate(file.service):
        yield (_SERVICES, index), f"{file.package}.{service.name}"
        for number, method in enumerate(service.method):
            yield (_SERVICES, index, _METHODS, number), f"{file.package}.{service.name}.{method.name}"


def _message_names(message: DescriptorProto, path: tuple[int, ...], scope: str) -> Iterator[tuple[tuple[int, ...], str]]:
    name = f"{scope}.{message.name}"
    yield path, name
    for index, field in enumerate(message.field):
        yield (*path, _FIELDS, index), f"{name}.{field.name}"
    for index, nested in enumerate(message.nested_type):
        yield from _message_names(nested, (*path, _NESTED, index), name)
    for index, enum in enumerate(message.enum_type):
        yield (*path, _NESTED_ENUMS, index), f"{name}.{enum.name}"
