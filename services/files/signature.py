"""AWS Signature Version 4, as object storage checks it: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, reduce
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class SigningKey:
    """An access key with its secret, for one region."""

    def __init__(self, region: str, access_key: str, secret_key: str) -> None:
        self._region, self._access_key, self._secret_key = region, access_key, secret_key
        self._key_of_day = "", b""

    def credential(self, time: str) -> str:
        """Names the key, and the scope of its signatures."""
        return f"{self._access_key}/{self._scope(time)}"

    def signature(self, time: str, request: Iterable[str]) -> str:
        """The signature of the lines of a canonical request."""
        digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
        return _hmac(self._key(time[:8]), "\n".join([ALGORITHM, time, self._scope(time), digest])).hex()

    def signed(self, method: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, str]:
        """All headers of a request whose headers, in lower case, and body are signed. The query of the URL is as of `joined`, in order."""
        time, digest, parts = time_of(now), hashlib.sha256(body).hexdigest(), urlsplit(url)
        complete = {"host": host_of(url), **headers, "x-amz-content-sha256": digest, "x-amz-date": time}
        lines = [f"{name}:{value}" for name, value in sorted(complete.items())]
        names = ";".join(sorted(complete))
        signature = self.signature(time, [method, parts.path, parts.query, *lines, "", names, digest])
        told = f"{ALGORITHM} Credential={self.credential(time)}, SignedHeaders={names}, Signature={signature}"
        del complete["host"]
        return {"Host": host_of(url), **complete, "authorization": told}

    def _scope(self, time: str) -> str:
        return f"{time[:8]}/{self._region}/s3/aws4_request"

    def _key(self, day: str) -> bytes:
        of, key = self._key_of_day
        if of != day:
            key = reduce(_hmac, (day, self._region, "s3", "aws4_request"), f"AWS4{self._secret_key}".encode())
            self._key_of_day = day, key
        return key


def time_of(now: datetime) -> str:
    """The time in the form that is signed."""
    return f"{now:%Y%m%dT%H%M%SZ}"


def host_of(url: str) -> str:
    """The host that is signed, without a port that the scheme implies."""
    parts = urlsplit(url)
    return parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])


def quoted(query: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names and values of a query, as they are sent and signed."""
    return [(_quoted(name), _quoted(value)) for name, value in query.items()]


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    """Most of them are the same for all URLs of a day."""
    return quote(text, "")


def joined(pairs: Sequence[tuple[str, str]]) -> str:
    """A query. The order is that of the pairs, which a signature needs sorted."""
    return "&".join([f"{name}={value}" for name, value in pairs])


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
