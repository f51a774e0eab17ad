"""Every tool, and step of a tool, that is served in its own way, found by its module."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from services.gateway.surfaces.snapotter import own
from services.gateway.surfaces.snapotter.own.parts import Serve

_OTHERS = ("catalogue", "parts")
"""Modules that serve nothing."""


@cache
def all_own() -> Mapping[str, Serve]:
    """What serves them, by the tool's id, and by `<tool id>-<step>`."""
    modules = [each.name for each in pkgutil.iter_modules(own.__path__) if each.name not in _OTHERS and not each.name.startswith("_")]
    return {name.replace("_", "-"): importlib.import_module(f"{own.__name__}.{name}").serve for name in modules}
