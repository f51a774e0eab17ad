"""The edge, as clients reach it."""

from __future__ import annotations

import email.utils
import ssl
import time

import httpx

from deploy.admin.checks.clocks import clock
from deploy.admin.checks.connecting import CONNECT_SECONDS, unreachable
from deploy.admin.checks.findings import Finding, ok, problem, warning

_SUBJECT = "edge"
_SETTING = "DARKROOM_PUBLIC_URL"
_PATH = "/v1/tasks/1/status"
# The header has whole seconds.
_CLOCK_SECONDS = 3.0


async def check_edge(public_url: str, *, on_this_machine: bool) -> list[Finding]:
    """That a request without a key passes the edge, and is refused by accounts.

    Where the edge is not `on_this_machine`, it may well be that clients reach it and this process, perhaps in a container, does not.
    """
    try:
        async with httpx.AsyncClient(timeout=CONNECT_SECONDS, trust_env=False) as client:
            before = time.time()
            reply = await client.get(f"{public_url.rstrip('/')}{_PATH}")
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
        url = httpx.URL(public_url)
        where = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
        cause = _cause(error)
        refused = unreachable(cause, where, _SETTING, "give the edge a certificate of an authority that clients know")
        if on_this_machine or not isinstance(cause, OSError) or isinstance(cause, ssl.SSLError):
            return [problem(_SUBJECT, refused.text, refused.remedy)]
        elsewhere = f"try it from a client's machine, where it may still work, or correct {_SETTING}"
        return [warning(_SUBJECT, f"from here, {refused.text}", elsewhere)]
    if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return [problem(_SUBJECT, f"{public_url} answers 503: it cannot reach accounts", "check the logs of the edge and of accounts")]
    if reply.status_code != httpx.codes.UNAUTHORIZED or "json" not in reply.headers.get("content-type", ""):
        text = f"{public_url} answers HTTP {reply.status_code} to a request without a key, where Darkroom's edge answers 401"
        return [problem(_SUBJECT, text, f"correct {_SETTING}, or the proxy in front of the edge")]
    told = email.utils.parsedate_to_datetime(reply.headers["date"]).timestamp() if "date" in reply.headers else before
    return [
        ok(_SUBJECT, f"{public_url} answers, and asks for a key"),
        *clock("the edge", told + 0.5 - (before + time.time()) / 2, _CLOCK_SECONDS),
    ]


def _cause(error: BaseException) -> BaseException:
    """The operating system's error behind that of the client: the innermost, since those around it say less."""
    found: BaseException = TimeoutError() if isinstance(error, httpx.TimeoutException) else error
    seen: BaseException | None = error
    while seen is not None:
        found = seen if isinstance(seen, OSError) else found
        seen = seen.__cause__ or seen.__context__
    return found
