"""`darkroom usage`."""

from __future__ import annotations

from rich.filesize import decimal
from rich.table import Table

from darkroom.accounts.v1 import usage_pb2
from darkroom.cli.account import credits_text
from darkroom.cli.exits import run
from darkroom.cli.options import AsJson, connect, console, print_json
from darkroom.tasks.v1 import balance_pb2

_AMOUNTS = [field.name for field in usage_pb2.Usage.DESCRIPTOR.fields if field.message_type == usage_pb2.UsageAmount.DESCRIPTOR]
_WORDS = {"keys": "API keys"}


def show(as_json: AsJson = False) -> None:
    """Show how much of its limits the account has used: storage, tasks, keys, webhooks, streams, requests and credits."""

    async def work() -> None:
        async with connect() as client:
            usage = await client.usage()
        if as_json:
            print_json(usage)
        else:
            console.print(_table(usage))

    run(work(), as_json=as_json)


def _table(usage: usage_pb2.Usage) -> Table:
    table = Table("", "used", "limit", "", box=None, header_style="bold", pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in _AMOUNTS:
        if usage.HasField(name):  # type: ignore[arg-type]  # the name of a field
            amount: usage_pb2.UsageAmount = getattr(usage, name)
            table.add_row(_WORDS.get(name, name.replace("_", " ")), *_cells(name, amount))
    for limit in usage.request_limits:
        whose = "with this key" if limit.policy == "key" else "of the account"
        left = f"{limit.remaining:,} of {limit.burst:,} left"
        table.add_row(f"requests {whose}", left, f"{limit.requests_per_second:g} a second", "")
    table.add_row("credits", *_credits(usage.credits), "")
    return table


def _cells(name: str, amount: usage_pb2.UsageAmount) -> tuple[str, str, str]:
    text = decimal if name == "bytes" else "{:,}".format
    if not amount.HasField("limit"):
        return text(amount.used), "none", ""
    share = f"{amount.used / amount.limit:.0%}" if amount.limit else ""
    return text(amount.used), text(amount.limit), share


def _credits(balance: balance_pb2.Balance) -> tuple[str, str]:
    reserved = f"{credits_text(balance.reserved_millicredits)} reserved"
    return reserved, "none" if balance.unlimited else f"{credits_text(balance.available_millicredits)} available"
