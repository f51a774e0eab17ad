"""`--estimate`: what a run would cost, and how long it would take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from darkroom.cli.account import credits_text
from darkroom.cli.exits import NO_CREDITS
from darkroom.cli.options import connect, console
from darkroom.cli.picture_size import picture_size
from darkroom.cli.progress import in_words
from darkroom.operations.v1 import operation_pb2


async def estimate(operations: Sequence[operation_pb2.Operation], inputs: Sequence[Path | str], *, each: bool, as_json: bool) -> int:
    """Print the price of operations on files, one task per file or one task for all, and the time for the largest of the pictures. The
    exit code says whether the balance covers it."""
    sizes = [size for size in (picture_size(each) for each in inputs if isinstance(each, Path)) if size is not None]
    largest = max(sizes, key=lambda size: size[0] * size[1], default=None)
    files = len(inputs)
    async with connect() as client:
        # With one task per file, each price is rounded separately.
        priced = await client.estimate_price(operations, file_count=1 if each else files, size=largest)
    tasks = files if each else 1
    seconds = priced.estimated_seconds if priced.HasField("estimated_seconds") else None
    price, balance = priced.price_millicredits * tasks, priced.balance
    covered = balance.unlimited or balance.available_millicredits >= price
    if as_json:
        available = None if balance.unlimited else credits_text(balance.available_millicredits)
        print(json.dumps({"tasks": tasks, "credits": credits_text(price), "available": available, "covered": covered, "seconds": seconds}))
    else:
        what = f"{tasks} × {credits_text(priced.price_millicredits)} = " if tasks > 1 else ""
        has = "unlimited" if balance.unlimited else credits_text(balance.available_millicredits)
        console.print(f"up to {what}{credits_text(price)} credits; available: {has}")
        if seconds is not None:
            console.print(f"{in_words(seconds)} once it runs{', for the largest picture' if tasks > 1 else ''}")
        if any(each.WhichOneof("operation") in ("remove_pdf_watermark", "redraw_pdf") for each in operations):
            console.print("PDFs are priced per page; this estimate assumes one page each.")
    return 0 if covered else NO_CREDITS
