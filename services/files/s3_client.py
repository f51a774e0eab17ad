"""Signed requests to one bucket of any storage that speaks S3, repeated while it is busy.

The bytes of objects go by presigned URLs instead: `presign`, `transfers`. botocore would take 15 MiB of memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from services.files.s3_xml import Element, parsed
from services.files.signature import SigningKey, joined, quoted
from services.platform.backoff import Backoff
from services.platform.bucket_address import Addressing, bucket_url
from services.platform.clock import system_clock
from services.platform.object_http import ObjectHttp, ObjectHttpError, object_http
from services.platform.object_refusals import Refusal, refusal_of
from services.platform.tls import authorities

_IDLE_SECONDS = 120.0  # joining the parts of a large upload
_ATTEMPTS = 3
_BACKOFF = Backoff(first_seconds=1.0)
_AT_ONCE = 32
_LONGEST_REPLY = 8 << 20
_KEY_MARKS = "/~"  # written in a path as they are
_NOTHING: Mapping[str, str] = MappingProxyType({})


class StorageRefusal(Exception):
    """An answer that is no good."""

    def __init__(self, refusal: Refusal, headers: Mapping[str, str] = _NOTHING) -> None:
        super().__init__(str(refusal))
        self.refusal, self.headers = refusal, headers

    @property
    def code(self) -> str:
        """S3's error code; the status where there is none, as for HEAD."""
        return self.refusal.code or str(self.refusal.status)


@dataclass(frozen=True, slots=True)
class S3Reply:
    """A successful reply."""

    headers: Mapping[str, str]
    """By names in any case."""
    content: Element
    """Empty where there is no body."""


class S3Client:
    """Its methods raise StorageRefusal and ObjectHttpError, the latter also for a reply that cannot be understood."""

    def __init__(
        self, http: ObjectHttp, endpoint: str, bucket: str, region: str, access_key: str, secret_key: str, addressing: Addressing = "path"
    ) -> None:
        self._http, self.bucket = http, bucket
        self._base = bucket_url(endpoint, bucket, addressing)
        self._key = SigningKey(region, access_key, secret_key)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def send(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        body: bytes = b"",
    ) -> S3Reply:
        """The reply to a request about an object, or about the bucket where there is no key. Headers are named in lower case."""
        target = joined(sorted(quoted(query)))
        url = f"{self._base}{path_of(key)}" + (f"?{target}" if target else "")
        failures = 0
        while True:
            try:
                async with self._turns:
                    return await self._attempt(method, url, headers, body, must_tell=method in ("PUT", "POST") and key != "")
            except (ObjectHttpError, StorageRefusal) as error:
                failures += 1
                if failures == _ATTEMPTS or (isinstance(error, StorageRefusal) and not error.refusal.passes):
                    raise
            await asyncio.sleep(_BACKOFF.pause(failures))

    async def _attempt(self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, must_tell: bool) -> S3Reply:
        signed = self._key.signed(method, url, headers, body, system_clock())
        async with self._http.request(method, url, signed, body if method in ("PUT", "POST") else None) as answer:
            if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise StorageRefusal(await refusal_of(answer), answer.headers)
            received = await answer.read(_LONGEST_REPLY)
            if len(received) > _LONGEST_REPLY:
                raise ObjectHttpError(f"a reply of more than {_LONGEST_REPLY} bytes")
        if not received and not must_tell:
            return S3Reply(answer.headers, Element(""))
        try:
            content = parsed(received)
        except ValueError as error:
            raise ObjectHttpError(f"a reply that is not S3's: {error}") from error
        if content.name == "Error":
            # The storage had said 200 before it knew.
            raise StorageRefusal(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, content.value("Code", "")), answer.headers)
        return S3Reply(answer.headers, content)


def path_of(key: str) -> str:
    """A key as part of a path."""
    return quote(key, _KEY_MARKS)


@asynccontextmanager
async def s3_client(
    endpoint: str,
    bucket: str,
    region: str,
    access_key: str,
    secret_key: str,
    ca_file: Path | None = None,
    addressing: Addressing = "path",
) -> AsyncIterator[S3Client]:
    """A client with its connections, closed when the block ends. `ca_file` holds the authority of the storage's certificate; None: public
    ones."""
    # Over plain HTTP there is nothing to verify, and reading the authorities takes its time.
    trusted = endpoint.startswith("http://") or authorities(ca_file)
    async with object_http(trusted, _IDLE_SECONDS) as http:
        yield S3Client(http, endpoint, bucket, region, access_key, secret_key, addressing)
