"""What is on the sheets: calls of tools, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.gateway.surfaces.snapotter.tool import Tool

Settings = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture that is sent to a tool, and the result with a label below."""

    source: str
    """A picture of `sources`."""
    tool: Tool | None = None
    """None: the picture itself is shown."""
    settings: Settings = field(default_factory=dict)
    caption: str = ""
    """The label; from the settings if empty."""
    beside: Sequence[tuple[str, str]] = ()
    """Further pictures: the part of the form that each is in, and its source."""

    @property
    def label(self) -> str:
        """What stands below."""
        return self.caption or (setting_text(self.settings) if self.tool else "as it was sent")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cells in rows."""

    name: str
    """Of the file, without its extension."""
    cells: Sequence[Cell]
    columns: int = 5
    detail: tuple[float, float] | None = None
    """If given, results are not made smaller: what is around this point is shown, in shares of width and height."""
    in_batches: bool = False
    """Whether its tool makes a picture in one step only in a batch."""


def setting_text(settings: Settings) -> str:
    """Settings in short."""
    return ", ".join(_told(name, value) for name, value in settings.items()) or "no settings"


def each(source: str, tool: Tool, *settings: Settings) -> list[Cell]:
    """A cell for each of the settings."""
    return [Cell(source, tool, one) for one in settings]


def steps(source: str, tool: Tool, name: str, values: Iterable[object]) -> list[Cell]:
    """A cell for each value of one setting."""
    return [Cell(source, tool, {name: value}) for value in values]


def _told(name: str, value: object) -> str:
    if value is True:
        return name
    return f"no {name}" if value is False else f"{name} {value}"
