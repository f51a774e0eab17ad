"""`--estimate`: what a run would cost."""

from __future__ import annotations

import json

from darkroom.cli.account import credits_text
from darkroom.cli.exits import NO_CREDITS
from darkroom.cli.options import connect, console
from darkroom.operations.v1 import operation_pb2


async def estimate(operation: operation_pb2.Operation, files: int, *, each: bool, as_json: bool) -> int:
    """Print the price of an operation on files, one task per file or one task for all. The exit code says whether the balance covers it."""
    async with connect() as client:
        # With one task per file, each price is rounded separately.
        priced = await client.estimate_price([operation], file_count=1 if each else files)
    tasks = files if each else 1
    price, balance = priced.price_millicredits * tasks, priced.balance
    covered = balance.unlimited or balance.available_millicredits >= price
    if as_json:
        available = None if balance.unlimited else credits_text(balance.available_millicredits)
        print(json.dumps({"tasks": tasks, "credits": credits_text(price), "available": available, "covered": covered}))
    else:
        what = f"{tasks} × {credits_text(priced.price_millicredits)} = " if tasks > 1 else ""
        has = "unlimited" if balance.unlimited else credits_text(balance.available_millicredits)
        console.print(f"{what}{credits_text(price)} credits; available: {has}")
        if operation.WhichOneof("operation") in ("remove_pdf_watermark", "redraw_pdf"):
            console.print("PDFs are priced per page; this estimate assumes one page each.")
    return 0 if covered else NO_CREDITS
