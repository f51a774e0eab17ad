"""Results as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class GoalResult:
    """What a run has measured of a goal."""

    name: str
    """A key of `benchmarks.goals.GOALS`."""
    now: str
    values: tuple[float, ...] = ()
    """One for each limit of the goal: ratios to what was measured beside it, or what it has in its own unit."""
    beside: str = ""
    """What the ratios are to."""
    processor: str = ""
    """Processor time of all parts for one task, or one request."""


@dataclass
class Section:
    """A table, with a note on what was measured and how."""

    title: str
    method: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    remarks: str = ""
    goals: list[GoalResult] = field(default_factory=list)
    """What it says about the goals."""
    floors: dict[str, str] = field(default_factory=dict)
    """By the name of a goal, which may be another section's: the least that a part of it takes by itself."""
    images: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """By file name: what the picture shows, and the file, which is put into docs/images."""

    def markdown(self) -> str:
        """The section as text."""
        lines = [f"## {self.title}", "", self.method, "", _row(self.columns), _row(["---"] * len(self.columns)), *map(_row, self.rows), ""]
        if self.remarks:
            lines += [self.remarks, ""]
        for name, (shown, _) in self.images.items():
            lines += [f"![{shown}](../docs/images/{name})", ""]
        return "\n".join(lines)


def replace_sections(results: str, sections: Iterable[Section], order: Sequence[str] = ()) -> str:
    """A document in which the sections replace those with the same title; others stay. Those that `order` names by title come first."""
    heading, *kept = (part.strip() for part in re.split(r"^(?=## )", results, flags=re.MULTILINE))
    texts = {part.split("\n", 1)[0].removeprefix("## "): part for part in kept}
    texts |= {section.title: section.markdown().strip() for section in sections}
    first = [title for title in order if title in texts]
    return "\n\n".join((heading, *(texts[title] for title in dict.fromkeys((*first, *texts))))) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def milliseconds(seconds: float) -> str:
    """Seconds as `12.3 ms`."""
    return f"{seconds * 1000:.1f} ms"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a `share` (0 to 1) of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
