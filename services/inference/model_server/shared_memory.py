"""Memory that this worker shares with a model server on the same host, so that tensors need not pass through a socket.

Triton's system shared-memory extension: a region is a POSIX shared-memory object that the client creates and registers by name.
https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_shared_memory.html
"""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import mmap
import os
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from services.platform.log import get_logger

FOLDER = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives on Linux
_PREFIX = "darkroom-tensors-"
_SMALLEST = 1 << 20
_CALL_SECONDS = 5.0
# The next worker has the server release regions that are still registered after this long.
_CLOSE_SECONDS = 2.0
_RELEASE_SECONDS = 0.02
_AWAY = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED")

_logger = get_logger()


@dataclass(slots=True, eq=False)
class Region:
    """A piece of shared memory; `name` is that of its file and the one registered with the server."""

    name: str
    size: int
    memory: mmap.mmap
    """Holds the lock on the file until this object is gone; it shows others that the region is in use."""
    is_registered: bool = False


class SharedMemory:
    """Regions of one process: created on demand, reused, and never more than `most_bytes` in total.

    Once one cannot be created or registered, because there is too little memory or the server does not see this host's memory, no more are
    used; the log says so. Those that killed workers left are removed at once; the server has released them once the first is registered.
    """

    def __init__(self, client: InferenceServerClient, most_bytes: int, folder: Path = FOLDER) -> None:
        self._client, self._most_bytes, self._folder = client, most_bytes, folder
        self._free: list[Region] = []
        self._lent: set[Region] = set()
        self._abandoned: list[Region] = []
        self._usable, self._tidied = True, False
        self._changing = asyncio.Lock()
        remove_stale(folder)

    async def borrow(self, size: int) -> Region | None:
        """A registered region of at least `size` bytes; None if there is none, and the request has to go through the socket.

        Return it with `release` or `abandon`.
        """
        async with self._changing:
            if not self._usable:
                return None
            region = self._unused(size) or await self._made(size)
            if region is None:
                return None
            if not region.is_registered and not await self._register(region):
                return None
            self._lent.add(region)
            return region

    def release(self, region: Region, *, registered: bool = True) -> None:
        """Return a region that the server is done with; not `registered` if the server has restarted since and does not know it."""
        region.is_registered = registered
        self._lent.discard(region)
        self._free.append(region)

    def abandon(self, region: Region) -> None:
        """Return a region that the server may still write to, since it has not answered: it is not used again."""
        self._lent.discard(region)
        self._unlink(region)
        self._abandoned.append(region)

    async def close(self) -> None:
        """Remove all regions. All requests must have ended."""
        async with self._changing:
            self._usable = False
            regions = (*self._free, *self._lent, *self._abandoned)
            for region in regions:
                self._unlink(region)
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await asyncio.gather(*(self._unregister_when_released(region.name) for region in regions))
            self._free.clear()
            self._lent.clear()
            self._abandoned.clear()

    def _unused(self, size: int) -> Region | None:
        fitting = [region for region in self._free if region.size >= size]
        if not fitting:
            return None
        region = min(fitting, key=lambda each: each.size)
        self._free.remove(region)
        return region

    async def _made(self, size: int) -> Region | None:
        size = max(_SMALLEST, 1 << (size - 1).bit_length())
        if size > self._most_bytes:
            return None
        for region in tuple(self._abandoned):
            if await self._unregister(region.name):
                self._abandoned.remove(region)
        # The free ones are too small.
        while self._free and self._total() + size > self._most_bytes:
            self.abandon(region := self._free.pop(0))
            if await self._unregister(region.name):
                self._abandoned.remove(region)
        if self._total() + size > self._most_bytes:
            return None
        try:
            # Not in a thread: a region created while the request is cancelled would have no owner.
            return _create(self._folder, size)
        except OSError as error:
            self._give_up(str(error))
            return None

    def _total(self) -> int:
        return sum(region.size for region in (*self._free, *self._lent, *self._abandoned))

    async def _register(self, region: Region) -> bool:
        try:
            await self._client.register_system_shared_memory(region.name, f"/{region.name}", region.size, client_timeout=_CALL_SECONDS)
            region.is_registered = True
            if not self._tidied:
                self._tidied = True
                await self._tidy()
        except InferenceServerException as error:
            self.abandon(region)
            # If the server is away, the request itself waits for it.
            if not any(word in str(error.status()) for word in _AWAY):
                self._give_up(error.message())
            return False
        except asyncio.CancelledError:
            self.abandon(region)
            raise
        return True

    async def _unregister(self, name: str) -> bool:
        """Whether the server has released a region. It keeps one that a request is still using."""
        try:
            await self._client.unregister_system_shared_memory(name, client_timeout=_CALL_SECONDS)
        except InferenceServerException:
            return False
        return True

    async def _unregister_when_released(self, name: str) -> None:
        while True:
            if await self._unregister(name):
                return
            # The server answers a request a moment before it releases the request's memory.
            await asyncio.sleep(_RELEASE_SECONDS)

    async def _tidy(self) -> None:
        """Have the server release regions that killed workers left registered."""
        for name in (await self._client.get_system_shared_memory_status(client_timeout=_CALL_SECONDS)).regions:
            if name.startswith(_PREFIX) and not (self._folder / name).exists():
                await self._unregister(name)

    def _unlink(self, region: Region) -> None:
        (self._folder / region.name).unlink(missing_ok=True)

    def _give_up(self, error: str) -> None:
        self._usable = False
        _logger.warning("shared_memory_not_used", error=error)


def is_local(address: str) -> bool:
    """Whether an address, `host:port` or `unix:/path`, is one of this host's own, judged by its form alone."""
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost" or address.startswith("unix:"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def remove_stale(folder: Path = FOLDER) -> Collection[str]:
    """Removes the regions of workers that no longer run, whether in this container or in another, and returns their names."""
    removed = []
    for path in sorted(folder.glob(f"{_PREFIX}*")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            # Gone in the meantime, or owned by another user.
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
            removed.append(path.name)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)
    return removed


def _create(folder: Path, size: int) -> Region:
    """Create a region. Raises OSError if there is too little memory: writing to the region later cannot fail."""
    while True:
        path = folder / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink == 0:
                # Another worker took it for stale and removed it in between.
                continue
            os.posix_fallocate(descriptor, 0, size)
            return Region(path.name, size, mmap.mmap(descriptor, size))
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            # The mapping has its own descriptor of the same open file and its lock.
            os.close(descriptor)
