"""`darkroom account`."""

from __future__ import annotations

import json
from datetime import UTC
from decimal import Decimal
from typing import Annotated

import typer
from rich.table import Table

from darkroom.accounts.v1 import account_pb2
from darkroom.cli.exits import run
from darkroom.cli.options import ID_WIDTH, NARROW, AsJson, connect, console, plain
from darkroom.tasks.v1 import balance_pb2

# The sign of an entry in the available balance.
_SIGNS = {
    balance_pb2.LEDGER_KIND_GRANT: "+",
    balance_pb2.LEDGER_KIND_RESERVE: "-",
    balance_pb2.LEDGER_KIND_RELEASE: "+",
    balance_pb2.LEDGER_KIND_REFUND: "+",
}


def show(
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=10_000, help="Number of ledger entries, newest first.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show the account of the key: its name, credits, and recent ledger entries."""

    async def work() -> None:
        async with connect() as client:
            account, balance = await client.account(), await client.balance()
            entries = await client.list_ledger(limit)
        if as_json:
            print(json.dumps({"account": plain(account), "balance": plain(balance), "entries": [plain(entry) for entry in entries]}))
            return
        console.print(_summary(account, balance))
        if entries:
            console.print(_lines(entries))

    run(work(), as_json=as_json)


def credits_text(millicredits: int) -> str:
    """`5.34` for 5340."""
    return f"{Decimal(millicredits) / 1000:f}"


def _summary(account: account_pb2.Account, balance: balance_pb2.Balance) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("account", f"{account.name} ({account.id})")
    table.add_row("credits", "unlimited" if balance.unlimited else f"{credits_text(balance.available_millicredits)} available")
    if balance.unlimited and balance.available_millicredits:
        table.add_row("", f"{credits_text(balance.available_millicredits)} in the balance, which is unused")
    if balance.reserved_millicredits:
        table.add_row("", f"{credits_text(balance.reserved_millicredits)} reserved for open tasks")
    if balance.multiplier_permille != 1000:
        table.add_row("prices", f"list price × {credits_text(balance.multiplier_permille)}")
    return table


def _lines(entries: list[balance_pb2.LedgerEntry]) -> Table:
    names = ["time", "entry", "credits", "task"] if console.width < NARROW else ["time", "entry", "credits", "task", "note"]
    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    table.columns[0].no_wrap = True
    table.columns[2].justify = "right"
    table.columns[3].min_width = ID_WIDTH
    for entry in entries:
        cells = (
            entry.time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            balance_pb2.LedgerKind.Name(entry.kind).removeprefix("LEDGER_KIND_").lower(),
            _SIGNS.get(entry.kind, "") + credits_text(entry.amount_millicredits),
            str(entry.task_id or ""),
            "usage only" if entry.unlimited else entry.note,
        )
        table.add_row(*cells[: len(names)])
    return table
