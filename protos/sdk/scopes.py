"""Writes `darkroom.common.v1.scopes`: what keys may do, as written by people, tokens and the database. Shared by services and client."""

from __future__ import annotations

from darkroom.common.v1 import scope_pb2

_PREFIX = "SCOPE_"
_NOT_GIVEN = ("SCOPE_UNSPECIFIED", "SCOPE_ANY")


def scopes_module() -> str:
    """The module's text."""
    names = [name for name, _ in scope_pb2.Scope.items() if name not in _NOT_GIVEN]
    lines = "".join(f'    "{_text(name)}": scope_pb2.{name},\n' for name in names)
    return (
        '"""The permissions of keys: `darkroom.common.v1.Scope` as people, tokens and the database write it. Generated."""\n\n'
        "from collections.abc import Mapping\n\n"
        "from darkroom.common.v1 import scope_pb2\n\n"
        f"SCOPES: Mapping[str, scope_pb2.Scope.ValueType] = {{\n{lines}}}\n"
        '"""Every scope that a key can have, by its text."""\n\n'
        "_TEXTS = {scope: text for text, scope in SCOPES.items()}\n\n\n"
        "def scope_text(scope: scope_pb2.Scope.ValueType) -> str:\n"
        '    """`tasks:write` for SCOPE_TASKS_WRITE; `scope 99` for a number that this version does not know."""\n'
        '    return _TEXTS.get(scope, f"scope {scope}")\n'
    )


def _text(name: str) -> str:
    resource, _, verb = name.removeprefix(_PREFIX).lower().rpartition("_")
    return f"{resource}:{verb}"
