"""`darkroom audit`."""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from darkroom.cli.exits import run
from darkroom.cli.options import ID_WIDTH, AsJson, connect, console, print_json
from darkroom.common.v1 import audit_pb2

_PREFIX = "AUDIT_ACTION_"
_WIDE = 120


def _text(name: str) -> str:
    return name.removeprefix(_PREFIX).lower().replace("_", ".", 1)


_ACTIONS = {_text(name): value for name, value in audit_pb2.AuditAction.items() if value}
Action = StrEnum("Action", {text.upper().replace(".", "_"): text for text in _ACTIONS})  # type: ignore[misc]  # made from the protos


def show(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="Number of entries, newest first.")] = 30,
    action: Annotated[
        list[Action] | None,
        typer.Option("--action", "-a", metavar="ACTION", help=f"Only this action; may be repeated. One of {', '.join(_ACTIONS)}."),
    ] = None,
    resource: Annotated[
        int, typer.Option("--resource", metavar="ID", min=0, help="Only changes of the key, webhook, file, task … with this id.")
    ] = 0,
    key: Annotated[int, typer.Option("--key", metavar="KEY", min=0, help="Only changes by this API key.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List who changed what in the account, and from where."""

    async def work() -> None:
        async with connect() as client:
            entries = await client.list_audit(limit, actions=[_ACTIONS[str(one)] for one in action or ()], resource_id=resource, key_id=key)
        if as_json:
            for entry in entries:
                print_json(entry)
            return
        console.print(_lines(entries))

    run(work(), as_json=as_json)


def _lines(entries: list[audit_pb2.AuditEntry]) -> Table:
    names = ["time", "action", "resource", "by", "from"] + (["details"] if console.width >= _WIDE else [])
    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    table.columns[0].no_wrap = True
    table.columns[2].min_width = ID_WIDTH
    for entry in entries:
        cells = (
            entry.time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            _text(audit_pb2.AuditAction.Name(entry.action)) if entry.action in _ACTIONS.values() else "unknown",
            str(entry.resource_id),
            _actor(entry.actor),
            entry.address,
            ", ".join(f"{name}: {value}" for name, value in sorted(entry.details.items())),
        )
        table.add_row(*cells[: len(names)])
    return table


_KINDS = {audit_pb2.AUDIT_ACTOR_KIND_OPERATOR: "operator", audit_pb2.AUDIT_ACTOR_KIND_USER: "user"}


def _actor(actor: audit_pb2.AuditActor) -> str:
    if actor.kind == audit_pb2.AUDIT_ACTOR_KIND_KEY:
        return f"{actor.name} ({actor.key_id})"
    kind = _KINDS.get(actor.kind, "service")
    return f"{kind} {actor.name}".strip()
