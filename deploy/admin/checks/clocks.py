"""Clocks: how far that of a server may be from this machine's."""

from __future__ import annotations

from deploy.admin.checks.findings import Finding, problem, warning

_MOST_SECONDS = 30.0
"""Half the life of the tokens with which services call each other."""


def clock(server: str, offset: float, tolerance: float = 2.0) -> list[Finding]:
    """A finding if the server's clock is more than the tolerance, in seconds, ahead (positive) or behind."""
    if abs(offset) < tolerance:
        return []
    text = f"that of {server} is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} this machine's"
    return [(problem if abs(offset) >= _MOST_SECONDS else warning)("clock", text, "synchronise both with NTP")]
