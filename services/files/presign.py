"""Presigned URLs: AWS Signature Version 4 in the query, without a signature of the body. botocore's signer takes six times as long."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from services.files.signature import ALGORITHM, SigningKey, host_of, joined, quoted, time_of
from services.platform.bucket_address import Addressing, bucket_url
from services.platform.clock import system_clock

Item = TypeVar("Item")
_AT_ONCE = 16
# In which the edge finds how long a body may be: edge/envoy/presigned.lua.j2.
_MOST_BYTES = "x-darkroom-max-bytes"
_SIGNATURE = "X-Amz-Signature"
_TIME = re.compile(r"\d{8}T\d{6}Z")
_SECONDS = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class SignedPut:
    """A PUT that a URL allows."""

    key: str
    upload_id: str | None = None
    """For a part of a multipart upload."""
    part_number: int = 0


class Presigner:
    """Signs URLs for one endpoint of the object storage. A signature costs about 0.02 ms; use `in_thread` for many."""

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        region: str,
        access_key: str,
        secret_key: str,
        addressing: Addressing = "path",
        behind: str | None = None,
    ) -> None:
        """The URLs lead to the endpoint, or to the one that it is `behind`, which asks it for what was signed."""
        self._base = bucket_url(endpoint, bucket, addressing)
        self._shown = bucket_url(behind, bucket, "path") if behind is not None else self._base
        self._host, self._path = host_of(self._base), urlsplit(self._base).path
        self._key = SigningKey(region, access_key, secret_key)

    def put(self, key: str, seconds: int, media_type: str | None = None, *, most_bytes: int | None = None) -> str:
        """A URL for one PUT of the whole object. With a media type, the PUT must send it as Content-Type.

        Storage does not know of `most_bytes`, but the edge refuses a longer body.
        """
        return self._sign("PUT", key, seconds, _limit(most_bytes), {"content-type": media_type} if media_type else {})

    def put_part(self, key: str, upload_id: str, part_number: int, seconds: int, most_bytes: int | None = None) -> str:
        """A URL for the PUT of one part of a multipart upload; parts count from 1. `most_bytes` as for `put`."""
        return self._sign("PUT", key, seconds, {"partNumber": str(part_number), "uploadId": upload_id, **_limit(most_bytes)})

    def signed_put(self, target: str, headers: Mapping[str, str]) -> SignedPut | None:
        """The PUT that is allowed by a URL with this path and query, sent with these headers, names in lower case; None if this signer has
        not signed it, or it has expired."""
        path, _, query = target.partition("?")
        folder = urlsplit(self._shown).path
        params = dict(parse_qsl(query, keep_blank_values=True))
        signature, time, seconds = params.pop(_SIGNATURE, ""), params.get("X-Amz-Date", ""), params.get("X-Amz-Expires", "")
        if not path.startswith(folder) or not _TIME.fullmatch(time) or not _SECONDS.fullmatch(seconds):
            return None
        key, names = unquote(path.removeprefix(folder)), params.get("X-Amz-SignedHeaders", "")
        fields = [(name, self._host if name == "host" else headers.get(name, "")) for name in names.split(";")]
        request = self._request("PUT", quote(key, "/"), quoted(params), fields)
        signed = self._key.signature(time, request) if params.get("X-Amz-Credential") == self._key.credential(time) else ""
        if not hmac.compare_digest(signed.encode(), signature.encode()) or not signature:
            return None
        if system_clock() > datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + timedelta(seconds=int(seconds)):
            return None
        return SignedPut(key, params.get("uploadId"), int(params.get("partNumber", 0)))

    def get(
        self,
        key: str,
        seconds: int,
        *,
        disposition: str | None = None,
        media_type: str | None = None,
        cache_control: str | None = None,
    ) -> str:
        """A URL for GET, including Range requests; the reply carries the given Content-Disposition, Content-Type and Cache-Control."""
        return self._sign("GET", key, seconds, _overrides(disposition, media_type, cache_control))

    def delete(self, key: str, seconds: int) -> str:
        """A URL for DELETE."""
        return self._sign("DELETE", key, seconds, {})

    def head(
        self,
        key: str,
        seconds: int,
        *,
        disposition: str | None = None,
        media_type: str | None = None,
        cache_control: str | None = None,
    ) -> str:
        """A URL for HEAD; the reply has the headers of `get`."""
        return self._sign("HEAD", key, seconds, _overrides(disposition, media_type, cache_control))

    def _sign(
        self, method: str, key: str, seconds: int, params: Mapping[str, str], headers: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        time = time_of(system_clock())
        signed = sorted({"host": self._host, **headers}.items())
        query = {
            **params,
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": self._key.credential(time),
            "X-Amz-Date": time,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": ";".join(name for name, _ in signed),
        }
        pairs = quoted(query)
        signature = self._key.signature(time, self._request(method, key, pairs, signed))
        return f"{self._shown}{key}?{joined(pairs)}&{_SIGNATURE}={signature}"

    def _request(self, method: str, key: str, query: Sequence[tuple[str, str]], headers: Sequence[tuple[str, str]]) -> list[str]:
        """The lines of a canonical request whose headers are sorted."""
        fields = [f"{name}:{value}" for name, value in headers]
        return [method, self._path + key, joined(sorted(query)), *fields, "", ";".join(name for name, _ in headers), "UNSIGNED-PAYLOAD"]


def _overrides(disposition: str | None, media_type: str | None, cache_control: str | None) -> dict[str, str]:
    wanted = {
        "response-content-disposition": disposition,
        "response-content-type": media_type,
        "response-cache-control": cache_control,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _limit(most_bytes: int | None) -> dict[str, str]:
    # Storage ignores parameters that it does not know, but their values are signed.
    return {} if most_bytes is None else {_MOST_BYTES: str(most_bytes)}


async def in_thread(sign: Callable[[Item], str], items: Sequence[Item]) -> list[str]:
    """`sign` of every item, in order, without blocking the event loop for longer than the way to a thread takes."""
    if len(items) <= _AT_ONCE:
        return [sign(item) for item in items]
    return await asyncio.to_thread(lambda: [sign(item) for item in items])
