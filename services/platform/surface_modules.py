"""Surfaces of a service, found by their folders: adding one changes no list. Those that are switched off are left out."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from services.platform.rpc import catalogue


def surface_modules(package: ModuleType, module: str, *, also_off: bool = False) -> Iterator[ModuleType]:
    """The module of that name in each folder of a package that has one, sorted by folder; without those of surfaces that are off, unless
    they are asked for, too."""
    for folder in sorted(each.name for each in pkgutil.iter_modules(package.__path__) if each.ispkg):
        if not (also_off or catalogue.is_on(folder)):
            continue
        inner = importlib.import_module(f"{package.__name__}.{folder}")
        if any(each.name == module for each in pkgutil.iter_modules(inner.__path__)):
            yield importlib.import_module(f"{inner.__name__}.{module}")
