"""An additional archive of what a task has made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

from services.inference.archive.names import entry_names
from services.inference.contract.flow import Stream
from services.inference.pipeline.run import Product
from services.platform.zip_archive import Entry, ZipArchive

_PIECE = 4 * 2**20


def packed(name: str, products: Sequence[Product]) -> Stream:
    """A ZIP archive of the products in their order, called `name`.zip. Products that are files must stay until it has been read."""
    names = entry_names(product.name for product in products)
    archive = ZipArchive([_entry(entry, product.content) for entry, product in zip(names, products, strict=True)])
    return Stream(f"{name}.zip", "application/zip", archive.size, archive.pieces())


def _entry(name: str, content: bytes | Path) -> Entry:
    if isinstance(content, bytes):
        return Entry(name, len(content), partial(_pieces_of_bytes, content))
    return Entry(name, content.stat().st_size, partial(_pieces_of_file, content))


async def _pieces_of_bytes(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]


async def _pieces_of_file(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        read: Callable[[], bytes] = partial(file.read, _PIECE)
        while piece := await asyncio.to_thread(read):
            yield piece
