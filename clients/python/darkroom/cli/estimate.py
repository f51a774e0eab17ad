"""`--estimate`: what a run would cost, and how long it would take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom.cli.account import credits_text
from darkroom.cli.exits import NO_CREDITS
from darkroom.cli.operation_verbs import VIDEOS, works_by_frame
from darkroom.cli.options import connect, console
from darkroom.cli.picture_size import picture_size
from darkroom.cli.progress import in_words
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import balance_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient


@dataclass(frozen=True)
class Price:
    """The price of tasks at most, and the time that one takes; None where that is not known."""

    tasks: int
    each_millicredits: int
    balance: balance_pb2.Balance
    seconds: float | None

    @property
    def total_millicredits(self) -> int:
        """The price of all tasks."""
        return self.each_millicredits * self.tasks

    @property
    def is_covered(self) -> bool:
        """Whether the balance is enough for it."""
        return self.balance.unlimited or self.balance.available_millicredits >= self.total_millicredits

    def __str__(self) -> str:
        what = f"{self.tasks} × {credits_text(self.each_millicredits)} = " if self.tasks > 1 else ""
        has = "unlimited" if self.balance.unlimited else credits_text(self.balance.available_millicredits)
        return f"up to {what}{credits_text(self.total_millicredits)} credits; available: {has}"


async def price(client: AsyncClient, operations: Sequence[operation_pb2.Operation], inputs: Sequence[Path | str], *, each: bool) -> Price:
    """The price of operations on files, one task per file or one task for all, with the time for the largest of the pictures."""
    sizes = [size for size in (picture_size(each) for each in inputs if isinstance(each, Path)) if size is not None]
    largest = max(sizes, key=lambda size: size[0] * size[1], default=None)
    # With one task per file, each price is rounded separately.
    priced = await client.estimate_price(operations, file_count=1 if each else len(inputs), size=largest)
    seconds = priced.estimated_seconds if priced.HasField("estimated_seconds") else None
    return Price(len(inputs) if each else 1, priced.price_millicredits, priced.balance, seconds)


async def estimate(operations: Sequence[operation_pb2.Operation], inputs: Sequence[Path | str], *, each: bool, as_json: bool) -> int:
    """Print the price of operations on files, one task per file or one task for all, and the time for the largest of the pictures. The
    exit code says whether the balance covers it."""
    async with connect() as client:
        found = await price(client, operations, inputs, each=each)
    if as_json:
        available = None if found.balance.unlimited else credits_text(found.balance.available_millicredits)
        total = credits_text(found.total_millicredits)
        said = {"tasks": found.tasks, "credits": total, "available": available, "covered": found.is_covered, "seconds": found.seconds}
        print(json.dumps(said))
    else:
        console.print(str(found))
        if found.seconds is not None:
            console.print(f"{in_words(found.seconds)} once it runs{', for the largest picture' if found.tasks > 1 else ''}")
        if any(each.WhichOneof("operation") in ("remove_pdf_watermark", "redraw_pdf") for each in operations):
            console.print("PDFs are priced per page; this estimate assumes one page each.")
        if works_by_frame(operations) and any(Path(str(each)).suffix.lower() in (*VIDEOS, ".gif") for each in inputs):
            console.print("Animations and videos are priced by frame: every 25 frames count as one picture; this estimate assumes 25 each.")
    return 0 if found.is_covered else NO_CREDITS
