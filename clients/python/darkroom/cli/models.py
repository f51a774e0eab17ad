"""`darkroom models …`: the models of the server's installation, where this is the machine that it was installed on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from darkroom.cli.exits import FAILED, tell
from darkroom.cli.installation import Installation
from darkroom.cli.options import AsJson

app = typer.Typer(help="Look after the models of an installation, on its own machine.", no_args_is_help=True)

_ELSEWHERE = "this machine has no checkout of Darkroom, so there are no models to look after here"
_ADVICE = "Log in to the machine of the server and run it there: `make models`, or `.venv/bin/darkroom models install`."

Set = Annotated[
    str | None,
    typer.Option(
        "--set",
        metavar="default|full|gpu|inpaint|inpaint_fast|tiny",
        help="Which set of the catalogue, rather than the one that is installed; at first that is `default`.",
    ),
]
Catalogue = Annotated[
    Path | None, typer.Option("--catalogue", metavar="FILE", help="A models.toml of your own; what others have installed stays.")
]
Dest = Annotated[Path | None, typer.Option("--dest", metavar="FOLDER", help="Model repository, rather than the one of the checkout.")]


@app.command("ls")
def list_models(catalogue: Catalogue = None, dest: Dest = None, as_json: AsJson = False) -> None:
    """List every model of the catalogue with version, licence and whether it is installed, and what other catalogues have installed."""
    _call("list", catalogue, dest, *(["--json"] if as_json else []))


@app.command("install")
def install(set_name: Set = None, catalogue: Catalogue = None, dest: Dest = None) -> None:
    """Fetch, check and lay out models. What is there already is left alone."""
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
    # It runs in the folder of the checkout.
    where = [
        part for name, path in (("--catalogue", catalogue), ("--dest", dest)) if path is not None for part in (name, str(path.resolve()))
    ]
    done = subprocess.run([sys.executable, "-m", "models", command, *where, *arguments], cwd=installation.root, check=False)
    raise typer.Exit(done.returncode)
