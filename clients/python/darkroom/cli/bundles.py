"""`darkroom bundle …`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from darkroom.accounts.v1 import features_service_pb2
from darkroom.cli.exits import run
from darkroom.cli.options import AsJson, connect, console, print_json

app = typer.Typer(help="Manage bundles: the models that belong together to one feature.", no_args_is_help=True)

Bundle = Annotated[str, typer.Argument(metavar="BUNDLE", help="Id of a bundle, such as ocr.")]

_STATES = {
    features_service_pb2.BUNDLE_STATUS_NOT_INSTALLED: "not installed",
    features_service_pb2.BUNDLE_STATUS_INSTALLING: "installing",
    features_service_pb2.BUNDLE_STATUS_INSTALLED: "installed",
    features_service_pb2.BUNDLE_STATUS_ERROR: "failed",
}


@app.command("ls")
def list_bundles(as_json: AsJson = False) -> None:
    """List bundles, and whether they are installed."""

    async def work() -> None:
        async with connect() as client:
            bundles = await client.bundles.list()
        if as_json:
            for bundle in bundles:
                print_json(bundle)
            return
        table = Table("bundle", "state", "size", "purpose", box=None, header_style="bold", pad_edge=False)
        table.columns[0].no_wrap = True
        for bundle in bundles:
            table.add_row(bundle.id, _state(bundle), bundle.estimated_size, bundle.error or bundle.description)
        console.print(table)

    run(work(), as_json=as_json)


@app.command("install")
def install(bundle: Bundle) -> None:
    """Begin to install a bundle. `darkroom bundle ls` shows how far it is."""

    async def work() -> None:
        async with connect() as client:
            await client.bundles.install(bundle)

    run(work())


@app.command("uninstall")
def uninstall(bundle: Bundle) -> None:
    """Remove a bundle, and the models that no other one uses."""

    async def work() -> None:
        async with connect() as client:
            await client.bundles.uninstall(bundle)

    run(work())


def _state(bundle: features_service_pb2.Bundle) -> str:
    state = _STATES.get(bundle.status, "unknown")
    return f"{state} {bundle.percent} %" if bundle.status == features_service_pb2.BUNDLE_STATUS_INSTALLING else state
