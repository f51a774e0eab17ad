"""Object storage: rclone serving a folder over the S3 protocol."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import httpx

from deploy.local.config import BUCKET, LOOPBACK, StackConfig, tool
from deploy.local.errors import NotReady, StackError
from deploy.local.program import Program
from services.files.signature import SigningKey
from services.platform.clock import system_clock

REGION = "us-east-1"
_MOST_MULTIPART_UPLOADS = 20_000
# rclone's names for objects that are still being uploaded. It does not list them, so no client can delete those of a killed server.
_UNFINISHED = ".rclone_temp_put_*"
# rclone removes a folder with its last object, and a PUT that comes into it at that moment fails. Clients' uploads come and go in this one.
PLACEHOLDER = "uploads/.keep"


def object_storage(config: StackConfig) -> Program:
    """The S3 server of a stack, on loopback, accepting only signed requests."""
    folder = config.layout.data / "objects"

    async def ready() -> None:
        """A signed request is answered; 404 means that storage works and the bucket is yet to be created."""
        try:
            async with _client() as client:
                status = await _signed(client, config, "HEAD", BUCKET)
        except httpx.TransportError as error:
            raise NotReady(str(error) or type(error).__name__) from error
        if status not in (200, 404):
            raise NotReady(f"a signed request got HTTP {status}")

    return Program(
        name="s3",
        command=(
            tool("rclone"),
            "serve",
            "s3",
            f"--addr={LOOPBACK}:{config.ports.s3}",
            # Only the folder is served: no remotes from the user's own configuration.
            "--config=/dev/null",
            # It would read every object again to check what it has just written: a third of a PUT's processor time.
            "--ignore-checksum",
            # It would compare each new name with all others in its folder, since those of some systems only look different: at 10,000
            # objects that is half of a PUT's processor time. Ours are ASCII.
            "--no-unicode-normalization",
            # For all accounts together. The quota limits what one may begin, so that it leaves room for many others.
            f"--multipart-max-uploads={_MOST_MULTIPART_UPLOADS}",
            str(folder),
        ),
        # Passed in the environment, since arguments are visible to every user of the machine. rclone reads the variable as CSV.
        environment={
            "RCLONE_AUTH_KEY": f'"{config.credentials.s3_access_key},{config.credentials.s3_secret_key}"',
            # The parts of a stack share the cores. Threads of rclone that look for work take a sixth of its processor time on two of them.
            "GOMAXPROCS": str(max(1, (os.cpu_count() or 1) // 2)),
        },
        ready=ready,
        prepare=lambda: asyncio.to_thread(_remove_unfinished, folder),
        provision=lambda: create_bucket(config, BUCKET),
    )


def _remove_unfinished(folder: Path) -> None:
    for leftover in folder.rglob(_UNFINISHED):
        leftover.unlink(missing_ok=True)


async def create_bucket(config: StackConfig, name: str) -> None:
    """Create a bucket, with its placeholder, unless it exists."""
    async with _client() as client:
        if await _signed(client, config, "HEAD", name) != 200:
            await _put(client, config, name)
        await _put(client, config, f"{name}/{PLACEHOLDER}")


def _client() -> httpx.AsyncClient:
    # Plain HTTP on this machine needs no certificates, which take a while to read.
    return httpx.AsyncClient(timeout=5, trust_env=False, verify=False)  # noqa: S501


async def _put(client: httpx.AsyncClient, config: StackConfig, path: str) -> None:
    status = await _signed(client, config, "PUT", path)
    if status != 200:
        raise StackError(f"s3: making {path} got HTTP {status}")


async def _signed(client: httpx.AsyncClient, config: StackConfig, method: str, path: str) -> int:
    """Send one request with an empty body, signed with AWS Signature Version 4, and return its status."""
    url, key = f"{config.s3_endpoint}/{path}", SigningKey(REGION, config.credentials.s3_access_key, config.credentials.s3_secret_key)
    response = await client.request(method, url, headers=key.signed(method, url, {}, b"", system_clock()))
    return response.status_code
