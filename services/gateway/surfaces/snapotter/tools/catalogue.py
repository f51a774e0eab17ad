"""Every tool there is, found by its module."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.message import Message

from services.gateway.surfaces.snapotter import tools
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.plan import Plan

FAILED = "Processing failed"
"""What a tool says that has no words of its own."""
_OTHERS = ("catalogue", "done", "kept", "plan")
"""Modules that are no tools."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool."""

    id: str
    settings: type[Message]
    plan: Callable[[Any, str], Plan]
    """From its settings and the name of the file."""
    keeps_format: bool = False
    """Whether it works on the file as it was sent, whatever its format."""
    bundle: str = ""
    """The id of the bundle whose models it may need."""
    failed: str = FAILED
    """What is said where it cannot do its work."""
    beside: Sequence[str] = ()
    """Parts of its form whose files are not the picture."""
    alone: Callable[[Any, str], Plan] | None = None
    """What it does, as `plan`, where it is called by itself and not in a batch or a pipeline; None: the same."""
    result: Callable[[Done], Mapping[str, object]] | None = None
    """What its result tells besides where it is; of tools whose callers do not wait for it, but are told of it as the job's last event."""

    def name_of(self, file: SentFile) -> str:
        """What it knows a file by."""
        return file.name if self.keeps_format else file.working_name


@cache
def all_tools() -> Mapping[str, Tool]:
    """The tools by their ids."""
    found = {}
    for each in pkgutil.iter_modules(tools.__path__):
        if each.name in _OTHERS or each.name.startswith("_"):
            continue
        module = importlib.import_module(f"{tools.__name__}.{each.name}")
        tool_id = each.name.replace("_", "-")
        found[tool_id] = Tool(
            tool_id,
            module.SETTINGS,
            module.plan,
            getattr(module, "KEEPS_FORMAT", False),
            getattr(module, "BUNDLE", ""),
            getattr(module, "FAILED", FAILED),
            getattr(module, "BESIDE", ()),
            getattr(module, "alone", None),
            getattr(module, "result", None),
        )
    return found
