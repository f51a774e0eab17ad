"""Commands that are made when they are called: all of them together, with their options, take longer than most of them run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from shutil import get_terminal_size
from typing import Any

import typer
from typer.core import MarkupMode, TyperCommand, TyperGroup
from typer.main import get_command_from_info, get_group_from_info
from typer.models import CommandInfo, TyperInfo

from darkroom.cli.options import NARROW

# A narrow terminal has no room for frames and columns.
MARKUP: MarkupMode = "rich" if get_terminal_size().columns >= NARROW else None


class Deferred(TyperCommand):
    """A command as a list shows it. All else of it comes from the one that `make` returns."""

    def __init__(self, name: str, short_help: str, make: Callable[[], TyperCommand | TyperGroup], panel: str | None = None) -> None:
        self.name, self.short_help, self.rich_help_panel = name, short_help, panel
        self.hidden = self.deprecated = False
        self._make = make

    @cached_property
    def _made(self) -> TyperCommand | TyperGroup:
        return self._make()

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        """The context in which the command itself runs."""
        return self._made.make_context(*arguments, **settings)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


class DeferredGroup(TyperGroup):
    """A group of deferred commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {str(command.name): command for command in self.deferred()}

    def deferred(self) -> Iterable[Deferred]:
        """The commands, in the order of lists."""
        raise NotImplementedError


def deferred_command(
    name: str, function: Callable[[], Callable[..., None]], text: str, short_help: str = "", panel: str | None = None
) -> Deferred:
    """The command that runs what `function` returns, with `text` as its help."""
    short_help = short_help or first_sentence(text)

    def make() -> TyperCommand:
        info = CommandInfo(name, callback=function(), help=text, short_help=short_help, rich_help_panel=panel)
        command = get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=MARKUP)
        assert isinstance(command, TyperCommand)
        return command

    return Deferred(name, short_help, make, panel)


def deferred_group(name: str, app: typer.Typer, panel: str | None = None) -> Deferred:
    """The group of an application's commands."""

    def make() -> TyperGroup:
        _set_short_help(app)
        info = TyperInfo(app, name=name, rich_help_panel=panel)
        return get_group_from_info(info, pretty_exceptions_short=True, suggest_commands=True, rich_markup_mode=MARKUP)

    return Deferred(name, first_sentence(app.info.help), make, panel)


def first_sentence(text: str | None) -> str:
    """The part of a command's help that a list shows."""
    return " ".join((text or "").split()).partition(". ")[0].rstrip(".") + "."


def _set_short_help(group: typer.Typer) -> None:
    """Show the whole first sentence of each command in lists of commands. By default Typer truncates it in narrow terminals."""
    for command in group.registered_commands:
        command.short_help = command.short_help or first_sentence(command.help or (command.callback and command.callback.__doc__))
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            inner.short_help = first_sentence(inner.typer_instance.info.help)
            _set_short_help(inner.typer_instance)
