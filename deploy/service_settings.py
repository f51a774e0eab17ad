"""Which settings a service has: the classes in its `config` module, and in the module `settings` of each surface that has one."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from services.platform.environment import EnvironmentSettings

_SERVICES = Path(__file__).resolve().parents[1] / "services"


@cache
def settings_classes(service: str) -> tuple[type[EnvironmentSettings], ...]:
    """All of them, those that others inherit from included."""
    surfaces = sorted((_SERVICES / service / "surfaces").glob("*/settings.py"))
    names = [f"services.{service}.config", *(f"services.{service}.surfaces.{file.parent.name}.settings" for file in surfaces)]
    found = dict.fromkeys(one for name in names for one in vars(import_module(name)).values() if isinstance(one, type))
    return tuple(one for one in found if issubclass(one, EnvironmentSettings))


@cache
def known_settings(service: str) -> frozenset[str]:
    """The environment variables that a service reads."""
    return frozenset(name for one in settings_classes(service) for name in one.variables())
