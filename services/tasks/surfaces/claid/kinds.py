"""Kinds of values that Claid's requests have: what takes several forms in JSON is brought into one here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

LONGEST_SIDE = 65535
_PERCENT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,2})?)%")
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
TRANSPARENT = "transparent"


class Model(BaseModel):
    """An object of a request: keys that it does not have are refused, and no value is converted. A key whose value is null counts as
    absent."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: each for key, each in value.items() if each is not None or key not in cls.model_fields}
        return value


@dataclass(frozen=True, slots=True)
class Percent:
    """A share of a side, in percent."""

    value: float


def percent(text: str) -> Percent | None:
    """`25%` and `12.5%`; None for any other text."""
    match = _PERCENT.fullmatch(text)
    return Percent(float(match[1])) if match else None


def _side(value: Any) -> int | Percent | None:
    match value:
        case "auto":
            return None
        case bool():
            pass
        case int() if 1 <= value <= LONGEST_SIDE:
            return value
        case str() if (share := percent(value)) and share.value > 0:
            return share
    raise ValueError(f'must be an integer from 1 to {LONGEST_SIDE}, a percentage such as "200%", or "auto"')


Side = Annotated[
    int | Percent | None,
    BeforeValidator(_side, json_schema_input_type=Annotated[int, Field(ge=1, le=LONGEST_SIDE)] | str | None),
]
"""Pixels or a share of the input; None for `auto`."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Space around the picture, as shares of its height and of its width."""

    vertical: float
    horizontal: float


def _padding(value: Any) -> Padding:
    shares = [percent(part) for part in value.split()] if isinstance(value, str) else []
    match shares:
        case [Percent(both)] if both < _HALF:
            return Padding(both, both)
        case [Percent(vertical), Percent(horizontal)] if max(vertical, horizontal) < _HALF:
            return Padding(vertical, horizontal)
    raise ValueError('must be one percentage below 50, such as "10%", or two, vertical and horizontal, such as "5% 25%"')


_HALF = 50
PaddingText = Annotated[Padding, BeforeValidator(_padding, json_schema_input_type=str)]


def _colour(value: Any) -> str:
    match value:
        case str() if value.lower() == TRANSPARENT:
            return TRANSPARENT
        case str() if _HEX.fullmatch(value):
            digits = value[1:].lower()
            return "#" + (digits if len(digits) > 3 else "".join(digit * 2 for digit in digits))
    raise ValueError('must be a colour as # and six hexadecimal digits, such as "#ffffff", or "transparent"')


Colour = Annotated[str, BeforeValidator(_colour, json_schema_input_type=str)]
"""`#rrggbb` in lower case, or `transparent`."""


def switch(name: str) -> Callable[[Any], Any]:
    """Turns `true` into an object with every default, and `false` into None."""

    def convert(value: Any) -> Any:
        if value is False:
            return None
        if value is True:
            return {}
        if isinstance(value, Mapping | BaseModel):
            return value
        raise ValueError(f"must be true, false or an object with the options of {name}")

    return convert


def text_or_object(key: str, *texts: str, lacking: Mapping[str, str] = MappingProxyType({})) -> Callable[[Any], Any]:
    """Turns a text into an object that has only that text, under `key`. `lacking` are values that Claid has and this server has not, and
    why."""
    choice = f"one of {', '.join(texts)}"

    def convert(value: Any) -> Any:
        chosen = value.get(key) if isinstance(value, Mapping) else value
        if isinstance(chosen, str) and chosen in lacking:
            raise ValueError(f"{chosen} is not supported by this server: {lacking[chosen]}")
        if isinstance(value, str) and value in texts:
            return {key: value}
        if isinstance(value, Mapping | BaseModel):
            return value
        raise ValueError(f"must be {choice}, or an object whose {key} is one of them")

    return convert


def _absent(because: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if value is not False:
            raise ValueError(f"is not supported by this server: {because}")

    return check


def unsupported_field(because: str) -> Any:
    """The type of a field that Claid has and this server has not: it may be absent, null or false."""
    return Annotated[None, BeforeValidator(_absent(because), json_schema_input_type=Literal[False] | None)]
