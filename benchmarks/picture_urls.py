"""Pictures by URL: one that has been made, compared with the same object by its presigned URL."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from benchmarks.load import call_until, open_connection
from benchmarks.table import Section, milliseconds, percentile
from darkroom import AsyncClient, PictureUrls
from deploy.local.scratch.stack import ScratchStack

_SECONDS = 4.0
_PHOTO = "samples/coffee.jpg"
_RESULTS = ("resize:width=800;format=webp;quality=90", "resize:width=5000;format=webp;quality=90", "resize:width=2000;format=png")
"""The gateway's memory takes all but the last, which is too large."""
_CONNECTIONS = (1, 16)


async def measure(stack: ScratchStack) -> Section:
    """GET of a result by its signed URL, and by the presigned URL of the object that it is."""
    section = Section(
        "Pictures by URL",
        f"`GET` of a result for {_SECONDS:.0f} s a row, in turns, with keep-alive connections, through Envoy. *Object*: by its presigned "
        "URL, which storage answers. *Picture*: the same bytes by their signed URL, `/i/…`, once made: the gateway answers for one of "
        "up to 2 MiB, and storage, to which Envoy follows the gateway's reply, for a larger one. *Ratio*: of the medians.",
        ("bytes", "connections", "object/s", "p50", "picture/s", "p50", "ratio"),
    )
    async with AsyncClient(stack.url, stack.api_key) as client:
        key, secret = await client.picture_keys.create("benchmark")
        photo = await client.upload(_PHOTO)
        for operations in _RESULTS:
            url = PictureUrls(stack.url, key.id, secret).url(photo.id, operations)
            # Made, and then remembered.
            await _get(url, 1, 1.0)
            made = max(await client.list_files(), key=lambda file: file.id)
            [task] = await client.list_tasks(1)
            assert list(task.output_file_ids) == [made.id], "another picture was measured"
            [download] = await client.download_urls([made.id])
            object_url = download.url
            assert urlsplit(object_url).netloc == urlsplit(stack.url).netloc
            for connections in _CONNECTIONS:
                times = [await _get(each, connections, _SECONDS) for each in (object_url, url)]
                straight, signed = (percentile(each, 0.5) for each in times)
                section.rows.append(
                    (
                        f"{made.size_bytes:,}",
                        str(connections),
                        f"{len(times[0]) / _SECONDS:.0f}",
                        milliseconds(straight),
                        f"{len(times[1]) / _SECONDS:.0f}",
                        milliseconds(signed),
                        f"{signed / straight:.2f}",
                    )
                )
    return section


async def _get(url: str, connections: int, seconds: float) -> list[float]:
    """Seconds of each GET over several connections for a bounded time."""
    target = urlsplit(url)
    path = f"{target.path}?{target.query}" if target.query else target.path
    async with AsyncExitStack() as opened:
        callers = [await opened.enter_async_context(open_connection(url, {})) for _ in range(connections)]
        return await call_until(callers, lambda connection: connection.request("GET", path), time.perf_counter() + seconds)
