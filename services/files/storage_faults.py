"""The problems of a storage, in words for its operator: why it cannot be reached, or refuses a request."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from services.files.s3_client import StorageRefusal
from services.files.storage_findings import StorageFinding, problem
from services.platform.object_refusals import SKEW_SECONDS, Refusal, clock_ahead

_KEYS = "DARKROOM_S3_ACCESS_KEY and DARKROOM_S3_SECRET_KEY"
_RIGHTS = "allow the key the actions that docs/operator/production-settings.md lists"
_ADVICE = {
    "NoSuchBucket": "create the bucket, or correct DARKROOM_S3_BUCKET; behind the edge, see DARKROOM_S3_SIGNED_FOR",
    "InvalidAccessKeyId": f"correct {_KEYS}",
    "SignatureDoesNotMatch": f"correct {_KEYS} or DARKROOM_S3_REGION; behind a proxy or the edge, see DARKROOM_S3_SIGNED_FOR",
    "AuthorizationHeaderMalformed": "correct DARKROOM_S3_REGION",
    "AuthorizationQueryParametersError": "correct DARKROOM_S3_REGION",
    "PermanentRedirect": "name the endpoint of the bucket's region in DARKROOM_S3_ENDPOINT, and the region in DARKROOM_S3_REGION",
    "IllegalLocationConstraintException": "correct DARKROOM_S3_REGION",
    "RequestTimeTooSkewed": "synchronise the clocks of this machine and of the storage with NTP",
    "AccessDenied": _RIGHTS,
    "NotImplemented": "use another storage: this one lacks what Darkroom needs",
}


async def resolution_problem(url: str, setting: str) -> StorageFinding | None:
    """A problem if the host of a URL has no address."""
    parts = urlsplit(url)
    try:
        await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port or 0, type=socket.SOCK_STREAM)
    except OSError as error:
        return problem(f"the host {parts.hostname} of {setting} does not resolve: {error.strerror}", f"correct {setting}, or DNS")
    return None


def unreachable(endpoint: str, error: BaseException, setting: str) -> StorageFinding:
    """Why there was no answer."""
    if (fault := _certificate_fault(error)) is not None:
        text = f"{endpoint}: its certificate is not trusted ({fault})"
        return problem(text, "name its authority in DARKROOM_S3_CA_FILE, or the host that it is for in the endpoint")
    why = next((each.os_error.strerror for each in _chain(error) if isinstance(each, aiohttp.ClientConnectorError)), None)
    text = f"{endpoint} cannot be reached ({why or type(error).__name__})"
    return problem(text, f"correct {setting}, or what is between here and there")


def differing_clocks(headers: Mapping[str, str]) -> list[StorageFinding]:
    """A problem if the time of a reply is not that of this machine."""
    ahead = clock_ahead(headers)
    if ahead is None or abs(ahead) < SKEW_SECONDS:
        return []
    text = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the storage's"
    return [problem(f"{text}; from 900 s on, it refuses signatures", _ADVICE["RequestTimeTooSkewed"])]


def refusal_behind(error: BaseException | None) -> Refusal | None:
    """The storage's answer, if the error came from it."""
    for each in _chain(error):
        if isinstance(each, StorageRefusal):
            return each.refusal
    return None


def advice(refusal: Refusal | None) -> str:
    """The remedy for a refusal."""
    if refusal is not None and refusal.code in _ADVICE:
        return _ADVICE[refusal.code]
    if refusal is not None and refusal.status == HTTPStatus.FORBIDDEN:
        return f"{_RIGHTS}, or correct {_KEYS}"
    return "see the storage's log and documentation"


def _certificate_fault(error: BaseException) -> str | None:
    for each in _chain(error):
        fault = each.certificate_error if isinstance(each, aiohttp.ClientConnectorCertificateError) else each
        if isinstance(fault, ssl.SSLCertVerificationError):
            return fault.verify_message
        if isinstance(fault, ssl.SSLError):
            return fault.reason or "TLS fails"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that have led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
