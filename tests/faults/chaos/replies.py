"""What clients of the JSON APIs were answered, and which answers are wrong: while parts are away, a client hears that, in the form
of its API, or nothing at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

# Limits of the account.
_PASSING = (402, 429)
_AWAY = (503, 504)
_UNANSWERED = "no reply"
_SHOWN = 300


def _error_code(body: Any) -> bool:
    return isinstance(body["code"], int) and isinstance(body["message"], str) and isinstance(body["data"]["error_code"], str)


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "pilio": _error_code,
    "rest": _error_code,
    "pi": lambda body: set(body["error"]) >= {"type", "code", "message", "request_id"},
    "claid": lambda body: {"error_code", "error_type", "error_message"} <= set(body),
    "fal": lambda body: isinstance(body["detail"], str) and isinstance(body["error_type"], str),
    "snapotter": lambda body: isinstance(body["error"], str),
}


class Replies:
    """Counts replies by API and status. `wrong` has the first of each kind that no client may get."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.wrong: dict[tuple[str, str], str] = {}

    def unanswered(self, surface: str) -> None:
        """The connection failed, or no answer came in time."""
        self.counts[surface, _UNANSWERED] += 1

    def note(self, surface: str, reply: httpx.Response) -> None:
        """A reply came."""
        key = surface, str(reply.status_code)
        self.counts[key] += 1
        if problem := _problem(surface, reply):
            self.wrong.setdefault(
                key, f"{reply.request.method} {reply.request.url.path} got {reply.status_code}, {problem}: {reply.text[:_SHOWN]}"
            )

    def refused(self, surface: str, reason: str, message: str, *, passing: bool) -> None:
        """A call that has a reason in place of a status failed."""
        self.counts[surface, reason] += 1
        if not passing:
            self.wrong.setdefault((surface, reason), f"{surface} got {reason}: {message}")


def _problem(surface: str, reply: httpx.Response) -> str:
    """Why no client may get a reply; empty if it may."""
    if reply.is_success:
        return ""
    if reply.status_code not in (*_PASSING, *_AWAY):
        return "which is about the request, or a failure that nobody foresaw"
    try:
        shaped = _SHAPES[surface](reply.json())
    except (ValueError, LookupError, TypeError):
        shaped = False
    if not shaped:
        return "in another form than the API's"
    if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" not in reply.headers:
        return "and nothing says when to try again"
    return ""
