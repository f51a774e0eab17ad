"""Parts of the paths of routes."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class _Anything(Convertor[str]):
    """Any part of a path, as `{name:anything}`. Starlette's `path` ends at a line break."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """The value unchanged."""
        return value

    def to_string(self, value: str) -> str:
        """The value unchanged."""
        return value


register_url_convertor("anything", _Anything())
