"""`bulk-rename`: files of any kind in a ZIP, under new names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from compat.snapotter.v1.rename_tool_pb2 import BulkRenameSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.archive_pb2 import Archive
from services.gateway.surfaces.snapotter.names import Name, cleaned
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = BulkRenameSettings
_TOKEN = re.compile(r"\{\{(index|padded|original)\}\}")


def plan(settings: BulkRenameSettings, *names: str) -> Plan:
    """The operation for all files, by their names."""
    return Plan([operation_pb2.Operation(archive=Archive(name="renamed", entry_names=_entries(settings, names), equal_names=True))])


def _entries(settings: BulkRenameSettings, names: Sequence[str]) -> Sequence[str]:
    """The pattern for each, with the file's own extension."""
    first = settings.start_index
    width = len(_number(first + len(names)))
    found = []
    for place, name in enumerate(map(Name.of, names)):
        index = _number(first + place)
        said = {"index": index, "padded": index.rjust(width, "0"), "original": name.stem}
        found.append(cleaned(_TOKEN.sub(lambda token, said=said: said[token[1]], settings.pattern) + name.extension))  # type: ignore[misc]
    return found


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)
