"""The methods that services offer each other."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from google.protobuf.descriptor import MethodDescriptor

import darkroom.internal

# Packages whose services several services serve.
_SHARED = {**dict.fromkeys(("audit", "usage"), ("files", "tasks")), "system": ("files", "tasks", "gateway")}


def internal_methods() -> Iterator[tuple[str, MethodDescriptor]]:
    """Every method below darkroom.internal, with the service that serves it."""
    [folder] = map(Path, darkroom.internal.__path__)
    for module in sorted(folder.rglob("*_pb2.py")):
        name = module.relative_to(folder.parent.parent).with_suffix("").as_posix().replace("/", ".")
        for service in import_module(name).DESCRIPTOR.services_by_name.values():
            yield from ((server, method) for server in _SHARED.get(name.split(".")[2], (name.split(".")[2],)) for method in service.methods)
