"""Object storage that speaks TLS with a certificate of its own authority."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.config import tool
from deploy.local.scratch.resources import free_port
from tests.certificate import make_certificate
from tests.stacks import ObjectStorage


@asynccontextmanager
async def tls_storage(folder: Path) -> AsyncIterator[tuple[ObjectStorage, Path]]:
    """rclone with one empty bucket, and the file with its authority."""
    certificate, port = make_certificate(folder / "certificate"), free_port()
    storage = ObjectStorage(f"https://127.0.0.1:{port}", "access", "secret", "darkroom")
    (folder / "objects" / storage.bucket).mkdir(parents=True)
    process = await asyncio.create_subprocess_exec(
        *(tool("rclone"), "serve", "s3", f"--addr=127.0.0.1:{port}", "--config=/dev/null", "--auth-key=access,secret"),
        *(f"--cert={certificate}/tls.crt", f"--key={certificate}/tls.key", str(folder / "objects")),
    )
    try:
        async with asyncio.timeout(60):
            while not await _listens(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield storage, certificate / "tls.crt"
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True
