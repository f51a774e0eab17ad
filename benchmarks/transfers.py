"""Uploads and downloads: through the edge compared with directly to the storage."""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator

import httpx
from aiobotocore.config import AioConfig
from aiobotocore.session import ClientCreatorContext, get_session
from types_aiobotocore_s3 import S3Client

from benchmarks.table import Section
from deploy.local.scratch.stack import ScratchStack

_MEBIBYTES = 512
_CHUNK = 256 * 1024
_RUNS = 3
_KEY = "benchmark/large"


async def measure(stack: ScratchStack) -> Section:
    """PUT and GET of one large object with presigned URLs for either address."""
    settings = stack.settings("files")
    section = Section(
        "Upload and download",
        f"One object of {_MEBIBYTES} MiB by presigned URL over one connection, {_RUNS} runs each, in turn; the client streams chunks of "
        "256 KiB.",
        ("path", "upload", "download"),
    )
    routes = {"straight to S3": settings["DARKROOM_S3_ENDPOINT"], "through the edge": settings["DARKROOM_S3_PUBLIC_ENDPOINT"]}
    figures: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in routes}
    for _ in range(_RUNS):
        for name, endpoint in routes.items():
            put, get, delete = await presign_urls(settings, endpoint)
            figures[name][0].append(await _upload(put))
            figures[name][1].append(await _download(get))
            async with httpx.AsyncClient() as client:
                await client.delete(delete)
    for name, (up, down) in figures.items():
        section.rows.append((name, f"{statistics.median(up):.0f} MiB/s", f"{statistics.median(down):.0f} MiB/s"))
    return section


async def presign_urls(settings: dict[str, str], endpoint: str, key: str = _KEY) -> tuple[str, str, str]:
    """URLs to PUT and GET through `endpoint`, and one to DELETE at the storage itself, since the edge lets no client delete."""
    target = {"Bucket": settings["DARKROOM_S3_BUCKET"], "Key": key}
    async with _s3(settings, endpoint) as s3:
        put = await s3.generate_presigned_url("put_object", target)
        get = await s3.generate_presigned_url("get_object", target)
    async with _s3(settings, settings["DARKROOM_S3_ENDPOINT"]) as s3:
        return put, get, await s3.generate_presigned_url("delete_object", target)


def _s3(settings: dict[str, str], endpoint: str) -> ClientCreatorContext[S3Client]:
    return get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=settings["DARKROOM_S3_ACCESS_KEY"],
        aws_secret_access_key=settings["DARKROOM_S3_SECRET_KEY"],
        config=AioConfig(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


async def _upload(url: str) -> float:
    chunk = bytes(_CHUNK)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(_MEBIBYTES * 4):
            yield chunk

    async with httpx.AsyncClient(timeout=120) as client:
        started = time.perf_counter()
        response = await client.put(url, content=body(), headers={"Content-Length": str(_MEBIBYTES * 2**20)})
        response.raise_for_status()
    return _MEBIBYTES / (time.perf_counter() - started)


async def _download(url: str) -> float:
    received = 0
    async with httpx.AsyncClient(timeout=120) as client:
        started = time.perf_counter()
        async with client.stream("GET", url) as response:
            response.raise_for_status()
            async for chunk in response.aiter_raw(_CHUNK):
                received += len(chunk)
    if received != _MEBIBYTES * 2**20:
        raise RuntimeError(f"received {received} bytes")
    return _MEBIBYTES / (time.perf_counter() - started)
