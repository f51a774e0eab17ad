"""`darkroom key …`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated

import typer
from rich.table import Table

from darkroom.accounts.v1 import account_pb2
from darkroom.cli.completion import complete_keys
from darkroom.cli.exits import run
from darkroom.cli.options import ID_WIDTH, AsJson, connect, console, plain, print_json, when
from darkroom.common.v1.scopes import SCOPES, scope_text

app = typer.Typer(help="Manage API keys.", no_args_is_help=True)

Scope = StrEnum("Scope", {text.upper().replace(":", "_"): text for text in SCOPES})  # type: ignore[misc]  # made from the protos

# Terminal width below which the list leaves out less important columns.
_WIDE = 110
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def lifetime(text: str) -> timedelta:
    """`90d` as a time span."""
    match = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", text)
    if match is None:
        raise typer.BadParameter("must be a number followed by m, h, d or w, such as 90d for ninety days")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _network(text: str) -> str:
    """A network or an address as it stands."""
    try:
        ip_network(text)
    except ValueError:
        try:
            meant = ip_network(text, strict=False)
        except ValueError:
            raise typer.BadParameter(f"{text!r} must be a network such as 203.0.113.0/24 or 2001:db8::/32, or an address") from None
        raise typer.BadParameter(f"{text!r} has bits set after its prefix; the network is {meant}") from None
    return text


def _overlap(text: str) -> timedelta:
    """`2h` as a time span; `0` for none."""
    return timedelta() if text == "0" else lifetime(text)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that describes its purpose, 1 to 100 characters.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            "--scope",
            "-s",
            metavar="SCOPE",
            help=f"A scope of the key; may be repeated. Default: the scopes of your own key. One of {', '.join(SCOPES)}.",
        ),
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            "--expires", "-e", parser=lifetime, metavar="TIME", help="Lifetime, such as 12h or 90d. Default: until your own key expires."
        ),
    ] = None,
    allowed: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            parser=_network,
            metavar="NETWORK",
            help="A network from which the key may be used, such as 203.0.113.0/24, or an address; may be repeated. Default: those of your "
            "own key.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key and print its secret, which is not shown again."""

    async def work() -> None:
        ends = datetime.now(UTC) + expires if expires is not None else None
        async with connect() as client:
            key, secret = await client.keys.create(name, [str(item) for item in scope or ()], ends, allowed_networks=allowed or ())
        if as_json:
            print(json.dumps({"api_key": plain(key), "secret": secret}))
            return
        table = Table.grid(padding=(0, 2))
        table.add_row("key", str(key.id))
        table.add_row("scopes", _scopes(key))
        table.add_row("expires", when(key.expire_time) if key.HasField("expire_time") else "never")
        table.add_row("from", _networks(key))
        table.add_row("secret", secret)
        console.print(table)

    run(work(), as_json=as_json)


@app.command("ls")
def list_keys(as_json: AsJson = False) -> None:
    """List keys, newest first."""

    async def work() -> None:
        async with connect() as client:
            keys = await client.keys.list()
        wide = console.width >= _WIDE
        head = ["key", "name", "prefix", "state", "last used", "scopes", "from"] if wide else ["key", "name", "state", "scopes"]
        table = Table(*head, box=None, header_style="bold", pad_edge=False)
        # Other commands take the id, so it is never truncated.
        table.columns[0].min_width = ID_WIDTH
        for key in keys:
            if as_json:
                print_json(key)
            used = when(key.last_use_time) if key.HasField("last_use_time") else "never"
            cells = {
                "key": str(key.id),
                "name": key.name,
                "prefix": f"{key.prefix}…",
                "state": _state(key),
                "last used": used,
                "scopes": _scopes(key),
                "from": _networks(key),
            }
            table.add_row(*(cells[name] for name in head))
        if not as_json:
            console.print(table)

    run(work(), as_json=as_json)


@app.command("rotate")
def rotate(
    key: Annotated[int, typer.Argument(metavar="KEY", help="Key id.", autocompletion=complete_keys)],
    overlap: Annotated[
        timedelta | None,
        typer.Option(
            "--overlap",
            parser=_overlap,
            metavar="TIME",
            help="How long the old key stays valid, such as 2h, at most 30d. Default: 24h.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replace a key by one with the same name and scopes, and print its secret, which is not shown again."""

    async def work() -> None:
        async with connect() as client:
            rotated = await client.keys.rotate(key, overlap)
        if as_json:
            print(json.dumps({"api_key": plain(rotated.api_key), "secret": rotated.secret, "replaced": plain(rotated.replaced)}))
            return
        table = Table.grid(padding=(0, 2))
        table.add_row("key", str(rotated.api_key.id))
        table.add_row("replaces", f"{rotated.replaced.id}, {_state(rotated.replaced)}")
        table.add_row("secret", rotated.secret)
        console.print(table)

    run(work(), as_json=as_json)


@app.command("revoke")
def revoke(key: Annotated[list[int], typer.Argument(metavar="KEY...", help="Key ids.", autocompletion=complete_keys)]) -> None:
    """Revoke keys, and those that they have created. They are refused within seconds, and streams opened with them are closed."""

    async def work() -> None:
        async with connect() as client:
            for key_id in key:
                for other in (await client.keys.revoke(key_id)).also_revoked:
                    console.print(f"also revoked: {other.id} ({other.name})", markup=False, highlight=False)

    run(work())


def _scopes(key: account_pb2.ApiKey) -> str:
    return ", ".join(map(scope_text, key.scopes)) or "all"


def _networks(key: account_pb2.ApiKey) -> str:
    return ", ".join(key.allowed_networks) or "everywhere"


def _state(key: account_pb2.ApiKey) -> str:
    if key.HasField("revoke_time"):
        return f"revoked {when(key.revoke_time)}"
    if not key.HasField("expire_time"):
        return "valid"
    over = key.expire_time.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)
    return f"{'expired' if over else 'valid until'} {when(key.expire_time)}"
