"""`darkroom models …`: the models of an installation, on the machine where it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from darkroom.cli.exits import FAILED, tell
from darkroom.cli.installation import Installation
from darkroom.cli.options import AsJson

app = typer.Typer(help="Manage the models of an installation, on its own machine.", no_args_is_help=True)

_ELSEWHERE = "there is no checkout of Darkroom on this machine, so there are no models to manage"
_ADVICE = "Run this on the server's machine: `make models`, or `.venv/bin/darkroom models install`."

Set = Annotated[
    str | None,
    typer.Option(
        "--set",
        metavar="default|full|gpu|inpaint|inpaint_fast|tiny",
        help="A set of the catalogue. Default: the installed set, or `default` at first.",
    ),
]
Catalogue = Annotated[
    Path | None, typer.Option("--catalogue", metavar="FILE", help="Your own models.toml. Models from other catalogues stay installed.")
]
Dest = Annotated[Path | None, typer.Option("--dest", metavar="FOLDER", help="Model repository. Default: the repository of the checkout.")]


@app.command("ls")
def list_models(catalogue: Catalogue = None, dest: Dest = None, as_json: AsJson = False) -> None:
    """List the models of the catalogue: version, licence, and whether installed. Also lists models installed from other catalogues."""
    _call("list", catalogue, dest, *(["--json"] if as_json else []))


@app.command("install")
def install(set_name: Set = None, catalogue: Catalogue = None, dest: Dest = None) -> None:
    """Download, verify and install models. Installed ones are kept."""
    _call("install", catalogue, dest, *_chosen(set_name))


@app.command("verify")
def verify(set_name: Set = None, catalogue: Catalogue = None, dest: Dest = None) -> None:
    """Compare every installed file with its SHA-256."""
    _call("verify", catalogue, dest, *_chosen(set_name))


def _chosen(set_name: str | None) -> tuple[str, ...]:
    return ("--set", set_name) if set_name is not None else ()


def _call(command: str, catalogue: Path | None, dest: Path | None, *arguments: str) -> None:
    installation = Installation.find()
    if installation is None:
        tell(_ELSEWHERE, _ADVICE)
        raise typer.Exit(FAILED)
    # The command runs in the folder of the checkout, so paths must be absolute.
    where = [
        part for name, path in (("--catalogue", catalogue), ("--dest", dest)) if path is not None for part in (name, str(path.resolve()))
    ]
    done = subprocess.run([sys.executable, "-m", "models", command, *where, *arguments], cwd=installation.root, check=False)
    raise typer.Exit(done.returncode)
