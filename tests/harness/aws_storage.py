"""Object storage with the habits of AWS's: `moto`, in a thread of the test's process. It checks no signatures; rclone does."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from moto.server import ThreadedMotoServer

from tests.stacks import ObjectStorage

_buckets = itertools.count(1)


@dataclass(frozen=True)
class AwsStorage:
    """A server. Buckets are reached by path, and by names of hosts like `BUCKET.localhost:PORT`."""

    port: int

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def create_bucket(self) -> ObjectStorage:
        """An empty bucket that nobody else uses."""
        storage = ObjectStorage(self.endpoint, "access", "secret", f"bucket-{next(_buckets)}")
        assert httpx.put(f"{self.endpoint}/{storage.bucket}", trust_env=False, timeout=60).status_code == HTTPStatus.OK
        return storage


@contextmanager
def aws_storage() -> Iterator[AwsStorage]:
    """A running server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield AwsStorage(server.get_host_and_port()[1])
    finally:
        server.stop()
