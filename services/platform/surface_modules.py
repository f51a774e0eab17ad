"""Surfaces of a service, found by their folders: adding one changes no list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType


def surface_modules(package: ModuleType, module: str) -> Iterator[ModuleType]:
    """The module of that name in each folder of a package that has one, sorted by folder."""
    for folder in sorted(each.name for each in pkgutil.iter_modules(package.__path__) if each.ispkg):
        inner = importlib.import_module(f"{package.__name__}.{folder}")
        if any(each.name == module for each in pkgutil.iter_modules(inner.__path__)):
            yield importlib.import_module(f"{inner.__name__}.{module}")
