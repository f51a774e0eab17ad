"""`darkroom user-key …`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from darkroom.accounts.v1 import user_keys_service_pb2
from darkroom.cli.completion import complete_user_keys
from darkroom.cli.exits import run
from darkroom.cli.keys import lifetime
from darkroom.cli.options import AsJson, connect, console, plain, print_json, when
from darkroom.failures import PermissionDenied

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

app = typer.Typer(help="Manage the API keys of the person who has signed in.", no_args_is_help=True)

_ID_WIDTH = 36
# Terminal width from which the list shows all columns.
_WIDE = 110


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that describes its purpose, up to 100 characters.")],
    permission: Annotated[
        list[str] | None,
        typer.Option("--permission", "-p", metavar="NAME", help="A permission, such as tools:use; may be repeated. Default: all of yours."),
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option("--expires", "-e", parser=lifetime, metavar="TIME", help="Lifetime, such as 12h or 90d. Default: it does not expire."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key for yourself and print its secret, which is not shown again."""

    async def work() -> None:
        ends = datetime.now(UTC) + expires if expires is not None else None
        async with connect() as client:
            key, secret = await client.user_keys.create(name, permission or (), ends)
        if as_json:
            print(json.dumps({"user_key": plain(key), "secret": secret}, ensure_ascii=False))
            return
        table = Table.grid(padding=(0, 2))
        for row in {"key": key.id, "may": _permissions(key), "expires": _expiry(key)}.items():
            table.add_row(*row)
        console.print(table)
        # Longer than most terminals are wide.
        print(f"secret   {secret}")

    run(work(), as_json=as_json)


@app.command("ls")
def list_keys(as_json: AsJson = False) -> None:
    """List your keys, oldest first; everyone's if you may see them."""

    async def work() -> None:
        async with connect() as client:
            keys = await client.user_keys.list()
            owners = {} if as_json else await _owners(client, keys)
        if as_json:
            for key in keys:
                print_json(key)
            return
        wide = console.width >= _WIDE
        names = ["key", "name", *(["owner"] if owners else []), "expires", *(["last used", "may"] if wide else [])]
        table = Table(*names, box=None, header_style="bold", pad_edge=False)
        # Other commands take the id, so it is never truncated.
        table.columns[0].min_width = _ID_WIDTH
        for key in keys:
            cells = {
                "key": key.id,
                "name": key.name,
                "owner": owners.get(key.user_id, key.user_id),
                "expires": _expiry(key),
                "last used": when(key.last_use_time) if key.HasField("last_use_time") else "never",
                "may": _permissions(key),
            }
            table.add_row(*(cells[name] for name in names))
        console.print(table)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(
    key: Annotated[list[str], typer.Argument(metavar="KEY...", help="Ids of keys.", autocompletion=complete_user_keys)],
) -> None:
    """Delete keys of yours. They are refused within seconds."""

    async def work() -> None:
        async with connect() as client:
            for each in key:
                await client.user_keys.delete(each)

    run(work())


async def _owners(client: AsyncClient, keys: Sequence[user_keys_service_pb2.UserKey]) -> dict[str, str]:
    """Names of the owners by their ids; none if all keys are of one, or if they may not be looked up."""
    with suppress(PermissionDenied):
        if len({key.user_id for key in keys}) > 1:
            return {user.id: user.name for user in await client.users.list()}
    return {}


def _permissions(key: user_keys_service_pb2.UserKey) -> str:
    return ", ".join(key.permissions) or "all permissions of its owner"


def _expiry(key: user_keys_service_pb2.UserKey) -> str:
    return when(key.expire_time) if key.HasField("expire_time") else "never"
