"""All tools, and a choice among them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from darkroom.mcp.operation_tools import groups, operation_tools
from darkroom.mcp.picture_tools import picture_tools
from darkroom.mcp.pipeline_tools import pipeline_tools
from darkroom.mcp.task_tools import task_tools
from darkroom.mcp.tool import Tool


@cache
def all_tools() -> tuple[Tool, ...]:
    """Every tool: those that are always there, then one for each operation."""
    return (*picture_tools(), *pipeline_tools(), *task_tools(), *operation_tools())


def chosen_tools(choice: Collection[str] = ()) -> tuple[Tool, ...]:
    """The tools that are always there, and those of operations that are named, alone or by their group; all for an empty choice.

    Raises ValueError for a name that is neither.
    """
    operations = {tool.name for tool in all_tools() if tool.group}
    if unknown := sorted(set(choice) - operations - set(groups())):
        raise ValueError(f"{', '.join(unknown)}: there is no such group or operation. Groups are {', '.join(groups())}.")
    return tuple(tool for tool in all_tools() if not choice or not tool.group or {tool.name, tool.group} & set(choice))


def parse_choice(text: str) -> tuple[str, ...]:
    """The names in a comma-separated list."""
    return tuple(name.strip().replace("-", "_") for name in text.split(",") if name.strip())
