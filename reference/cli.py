"""docs/reference/cli.md: every command of `darkroom` with its arguments and options, as in its help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from darkroom.cli.app import app

_HEAD = """<!-- Written by `make reference` from the command line itself. -->

# `darkroom`, command by command

[The guide](../how-to/command-line.md) explains what the commands have in common: results, Ctrl-C, exit codes, JSON. Each has `--help`.
"""


def render() -> str:
    """The page."""
    root = typer.main.get_command(app)
    return "\n".join([_HEAD, *_options(root), *_below(root, ())]).rstrip() + "\n"


def _below(group: Any, path: tuple[str, ...]) -> Iterator[str]:
    for name, command in group.commands.items():
        here = (*path, name)
        if hasattr(command, "commands"):
            yield f"## {' '.join(here)}\n\n{_plain(command.help)}\n"
            yield from _below(command, here)
        else:
            words = " ".join(here)
            arguments = "".join(f" {argument.metavar}" for argument in command.params if argument.param_type_name == "argument")
            yield f"{'###' if path else '##'} {words}\n\n```\ndarkroom {words}{arguments}\n```\n\n{_plain(command.help)}\n"
            yield from _options(command)


def _options(command: Any) -> Iterator[str]:
    rows = [row for option in command.params if (row := _row(option))]
    if rows:
        yield "| | |\n|---|---|"
        yield from rows
        yield ""


def _row(parameter: Any) -> str:
    if parameter.hidden or not parameter.help:
        return ""
    words = _plain(parameter.help)
    if parameter.param_type_name == "argument":
        return f"| `{parameter.metavar}` | {_cell(words)} |"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    choices = getattr(parameter.type, "choices", None)
    value = "" if parameter.is_flag else parameter.metavar or "\\|".join(map(str, _values(choices)) if choices else ["N"])
    required = " Required." if parameter.required else ""
    default = f" Default: {parameter.default}." if isinstance(parameter.default, int) and not parameter.is_flag else ""
    return f"| {names}{f' {value}' if value else ''} | {_cell(words)}{required}{default} |"


def _values(choices: Any) -> Iterator[str]:
    return (str(getattr(choice, "value", choice)) for choice in choices)


def _plain(text: str | None) -> str:
    return " ".join((text or "").replace("\\[", "[").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
