"""The commands: one per operation, groups for tasks, files and other resources, and the account."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from inspect import cleandoc
from typing import Annotated, Any

import typer

from darkroom.cli import (
    account,
    audit,
    batches,
    bundles,
    doctor,
    files,
    keys,
    library,
    mcp_server,
    models,
    picture_keys,
    pipelines,
    roles,
    settings,
    sign_in,
    tasks,
    teams,
    usage,
    user_keys,
    users,
    verbs,
    webhooks,
)
from darkroom.cli.choice import ServerChoice, chosen
from darkroom.cli.deferred import MARKUP, Deferred, DeferredGroup, deferred_command, deferred_group
from darkroom.cli.exits import run_app
from darkroom.cli.own_version import own_version
from darkroom.cli.resume import resume
from darkroom.cli.watch import watch

_COMMANDS: Mapping[str, Mapping[str, Callable[..., None]]] = {
    "Operations": {"resume": resume, "watch": watch},
    "People": {"login": sign_in.login, "logout": sign_in.logout, "whoami": sign_in.whoami, "password": sign_in.password},
    "Account and server": {"account": account.show, "usage": usage.show, "audit": audit.show, "doctor": doctor.doctor},
    "Language models": {"mcp": mcp_server.mcp},
}
"""By the panel of the help that shows them, below the operations."""
_GROUPS: Mapping[str, Mapping[str, typer.Typer]] = {
    "Manage": {
        "task": tasks.app,
        "batch": batches.app,
        "file": files.app,
        "library": library.app,
        "pipeline": pipelines.app,
        "webhook": webhooks.app,
    },
    "People": {
        "user": users.app,
        "role": roles.app,
        "team": teams.app,
        "user-key": user_keys.app,
        "setting": settings.app,
    },
    "Account and server": {"key": keys.app, "picture-key": picture_keys.app, "bundle": bundles.app, "models": models.app},
}
_IRREGULAR = {"batch": "batches", "library": "libraries", "models": "models"}
_PLURALS = {_IRREGULAR.get(name, f"{name}s"): name for groups in _GROUPS.values() for name in groups}


class _Commands(DeferredGroup):
    """All commands. Groups also answer to their plurals, which no list shows."""

    def deferred(self) -> Iterator[Deferred]:
        """The commands, in the order of the help."""
        yield from verbs.commands("Operations")
        for panel, commands in _COMMANDS.items():
            for name, command in commands.items():
                yield deferred_command(name, lambda command=command: command, cleandoc(command.__doc__ or ""), panel=panel)  # type: ignore[misc]
        for panel, groups in _GROUPS.items():
            for name, group in groups.items():
                yield deferred_group(name, group, panel)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name."""
        return super().get_command(ctx, _PLURALS.get(cmd_name, cmd_name))


app = typer.Typer(
    name="darkroom",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=MARKUP,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 something failed, 2 wrong usage, 3 server unreachable, 4 key or sign-in refused, "
    "5 not enough credits, 130 interrupted.",
)


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    print(f"darkroom {own_version()}")
    raise typer.Exit


@app.callback()
def globally(
    url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", help="The server. Default: DARKROOM_URL, the server of `darkroom login`, or the nearest .darkroom/env."
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            help="The API key. Default: DARKROOM_API_KEY, the session of `darkroom login`, or the nearest .darkroom/env. Other users of "
            "this machine can see it.",
        ),
    ] = None,
    _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Process pictures and PDFs on a Darkroom server: remove backgrounds and watermarks, upscale, generate."""
    chosen.set(ServerChoice(url, api_key))


def main() -> None:
    """Entry point of the console script."""
    # Imported modules stay. Without this the collector goes through it as the process ends: a quarter of a short command's time.
    gc.freeze()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Paths are printed as the bytes that they are.
        sys.stdout.reconfigure(errors="surrogateescape")
    run_app(app)


if __name__ == "__main__":
    main()
