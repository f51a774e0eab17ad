"""The edge, as clients reach it."""

from __future__ import annotations

import email.utils
import ssl
import time

import httpx

from deploy.admin.checks.clocks import clock
from deploy.admin.checks.connecting import CONNECT_SECONDS, unreachable
from deploy.admin.checks.findings import Finding, ok, problem

_SUBJECT = "edge"
_SETTING = "DARKROOM_PUBLIC_URL"
_PATH = "/v1/tasks/1/status"
# The header tells whole seconds.
_CLOCK_SECONDS = 3.0


async def check_edge(public_url: str) -> list[Finding]:
    """That a request without a key passes the edge, and is refused by accounts."""
    try:
        async with httpx.AsyncClient(timeout=CONNECT_SECONDS, trust_env=False) as client:
            before = time.time()
            reply = await client.get(f"{public_url.rstrip('/')}{_PATH}")
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
        url = httpx.URL(public_url)
        where = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
        refused = unreachable(_cause(error), where, _SETTING, "give the edge a certificate of an authority that clients know")
        return [problem(_SUBJECT, refused.text, refused.remedy)]
    if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return [problem(_SUBJECT, f"{public_url} answers 503: it does not reach accounts", "look at the logs of the edge and of accounts")]
    if reply.status_code != httpx.codes.UNAUTHORIZED or "json" not in reply.headers.get("content-type", ""):
        text = f"{public_url} answers HTTP {reply.status_code} to a request without a key, where Darkroom's edge answers 401"
        return [problem(_SUBJECT, text, f"correct {_SETTING}, or the proxy in front of the edge")]
    told = email.utils.parsedate_to_datetime(reply.headers["date"]).timestamp() if "date" in reply.headers else before
    return [
        ok(_SUBJECT, f"{public_url} answers, and asks for a key"),
        *clock("the edge", told + 0.5 - (before + time.time()) / 2, _CLOCK_SECONDS),
    ]


def _cause(error: BaseException) -> BaseException:
    """The operating system's error behind that of the client."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (OSError, ssl.SSLError)):
            return seen
        seen = seen.__cause__ or seen.__context__
    return TimeoutError() if isinstance(error, httpx.TimeoutException) else error
