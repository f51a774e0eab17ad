"""Path templates of `google.api.http`: as regular expressions, as Lua patterns, and ordered by how specific they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

_VARIABLE = re.compile(r"\{[^}=]*(?:=([^}]*))?\}")
_WILDCARD = re.compile(r"(\*\*|\*)")


@dataclass(frozen=True)
class PathTemplate:
    """A path template, such as `/v1/tasks/{id}/status`, `/v1/{name=files/*}` or `/v1/{rest=**}`."""

    text: str

    @cached_property
    def shape(self) -> str:
        """The template without the names of its variables. Two templates with the same shape match the same paths."""
        return _VARIABLE.sub(lambda variable: variable[1] or "*", self.text)

    @cached_property
    def generality(self) -> tuple[tuple[int, ...], str]:
        """The sort key: of two templates that match a path, the more specific one comes first, as it does in Envoy's transcoder. Segment
        by segment, literal text comes before `*`, and `*` before `**`."""
        return tuple(_generality(segment) for segment in self.shape.split("/")[1:]), self.shape

    @cached_property
    def regex(self) -> str:
        """A regular expression for Python and RE2, without the slash that a path may end with."""
        if self.shape.endswith("/**"):
            # `**` may also match no segment at all.
            return PathTemplate(self.shape.removesuffix("/**")).regex + "(/.*)?"
        return "".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in _WILDCARD.split(self.shape))

    @cached_property
    def lua(self) -> tuple[str, ...]:
        """As Lua patterns, one of which matches the whole path."""
        pieces = (re.sub(r"[^\w/]", r"%\g<0>", part) if part not in ("*", "**") else part for part in _WILDCARD.split(self.shape))
        pattern = "".join({"**": ".*", "*": "[^/]+"}.get(piece, piece) for piece in pieces)
        if self.shape.endswith("/**"):
            return f"^{pattern}$", f"^{pattern.removesuffix('/.*')}$"
        return (f"^{pattern}/?$",)

    def covers(self, other: PathTemplate) -> bool:
        """Whether this is a path prefix, and every path that `other` matches is below it."""
        return self.shape.endswith("/**") and f"{other.shape}/".startswith(self.shape.removesuffix("**"))

    def overlaps(self, other: PathTemplate) -> bool:
        """Whether there may be a path that both match."""
        for mine, theirs in zip_longest(self.shape.split("/"), other.shape.split("/")):
            if "**" in (mine, theirs):
                return True
            if mine is None or theirs is None or ("*" not in mine + theirs and mine != theirs):
                return False
        return True


def _generality(segment: str) -> int:
    if "*" not in segment:
        return 0
    return {"*": 2, "**": 3}.get(segment, 1)
