"""JSON of Pi that no proto message describes."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, RootModel, StringConstraints

_Key = Annotated[str, StringConstraints(min_length=1, max_length=40)]
_Text = Annotated[str, StringConstraints(max_length=500)]


class Metadata(RootModel[Annotated[dict[_Key, _Text], Field(max_length=16)]]):
    """Up to 16 texts of the caller's own: keys of 1 to 40 characters, values of at most 500."""

    model_config = ConfigDict(strict=True)


class NullableText(RootModel[str | None]):
    """A text, or null."""


class Names(RootModel[list[str]]):
    """Names of parameters."""
