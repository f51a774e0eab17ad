"""The commands: one per operation, groups for tasks, files and other resources, and the account."""

from __future__ import annotations

import gc
from shutil import get_terminal_size
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from darkroom.cli import (
    account,
    audit,
    batches,
    doctor,
    files,
    keys,
    library,
    models,
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
from darkroom.cli.exits import run_app
from darkroom.cli.options import NARROW
from darkroom.cli.own_version import own_version
from darkroom.cli.resume import resume


class _Commands(TyperGroup):
    """Groups also answer to their plurals, which no list shows."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name."""
        return super().get_command(ctx, _GROUPS.get(cmd_name, cmd_name))


app = typer.Typer(
    name="darkroom",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # A narrow terminal has no room for frames and columns.
    rich_markup_mode="rich" if get_terminal_size().columns >= NARROW else None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 something failed, 2 wrong usage, 3 server unreachable, 4 key or sign-in refused, "
    "5 not enough credits, 130 interrupted.",
)
verbs.add_to(app)
app.command("resume", rich_help_panel="Operations")(resume)
app.add_typer(tasks.app, name="task", rich_help_panel="Manage")
app.add_typer(batches.app, name="batch", rich_help_panel="Manage")
app.add_typer(files.app, name="file", rich_help_panel="Manage")
app.add_typer(library.app, name="library", rich_help_panel="Manage")
app.add_typer(pipelines.app, name="pipeline", rich_help_panel="Manage")
app.add_typer(webhooks.app, name="webhook", rich_help_panel="Manage")
app.command("login", rich_help_panel="People")(sign_in.login)
app.command("logout", rich_help_panel="People")(sign_in.logout)
app.command("whoami", rich_help_panel="People")(sign_in.whoami)
app.command("password", rich_help_panel="People")(sign_in.password)
app.add_typer(users.app, name="user", rich_help_panel="People")
app.add_typer(roles.app, name="role", rich_help_panel="People")
app.add_typer(teams.app, name="team", rich_help_panel="People")
app.add_typer(user_keys.app, name="user-key", rich_help_panel="People")
app.add_typer(settings.app, name="setting", rich_help_panel="People")
app.add_typer(keys.app, name="key", rich_help_panel="Account and server")
app.command("account", rich_help_panel="Account and server")(account.show)
app.command("usage", rich_help_panel="Account and server")(usage.show)
app.command("audit", rich_help_panel="Account and server")(audit.show)
app.add_typer(models.app, name="models", rich_help_panel="Account and server")
app.command("doctor", rich_help_panel="Account and server")(doctor.doctor)


def _set_short_help(group: typer.Typer) -> None:
    """Show the whole first sentence of each command in lists of commands. By default Typer truncates it in narrow terminals."""
    for command in group.registered_commands:
        command.short_help = command.short_help or _first_sentence(command.help or (command.callback and command.callback.__doc__))
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            inner.short_help = _first_sentence(inner.typer_instance.info.help)
            _set_short_help(inner.typer_instance)


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").split()).partition(". ")[0].rstrip(".") + "."


_set_short_help(app)
_PLURALS = {"batch": "batches", "library": "libraries", "models": "models"}
_GROUPS = {_PLURALS.get(group.name, f"{group.name}s"): group.name for group in app.registered_groups if group.name}


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
    run_app(app)


if __name__ == "__main__":
    main()
