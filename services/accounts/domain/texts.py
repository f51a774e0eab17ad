"""Parts of requests that messages repeat."""

from __future__ import annotations

from collections.abc import Sequence

# Characters of each text, and of all. A gRPC status holds little.
_EACH, _ALL = 60, 240


def comma_list(texts: Sequence[str]) -> str:
    """Texts with commas between them, cut where they are long."""
    whole = ", ".join(text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_EACH] for text in texts)
    return whole if len(whole) <= _ALL else f"{whole[:_ALL]}…"
