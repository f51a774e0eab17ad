"""How much of everything a run does at least, and in which order it does it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MODEL, SUPERVISOR = "a model", "supervisord"
"""The process of one of Triton's models, and the one that starts all others."""
FROZEN = ("nats", "postgres", "s3")
FREEZE_SECONDS = 20.0


@dataclass(frozen=True)
class Minimums:
    """Of a run. Each process is killed `kills` times, of which a part's is `rounds` times killed together with another one."""

    tasks: int
    kills: int
    rounds: int
    freezes: int
    """Of each of FROZEN, for FREEZE_SECONDS."""
    disk: int
    """How often the disk has not a byte left for a while."""
    steps: int
    """How often the clock jumps, by turns forwards and backwards, and later back."""
    others: int
    """Restarts, short pauses and dropped connections, of each so many."""


FIVE_MINUTES = Minimums(tasks=800, kills=2, rounds=1, freezes=1, disk=1, steps=2, others=4)
FULL = Minimums(tasks=10_000, kills=10, rounds=9, freezes=2, disk=3, steps=6, others=20)


@dataclass(frozen=True)
class Deed:
    """Something to do to parts of a stack."""

    kind: str
    parts: tuple[str, ...] = ()


def plan(least: Minimums, parts: Sequence[str], chance: random.Random) -> list[Deed]:
    """All that a run does, in chance order."""
    shuffled = chance.sample(list(parts), len(parts))
    pairs = [pair for number in range(least.rounds) for pair in _round(shuffled, number)]
    deeds = [Deed("pair", pair) for pair in pairs]
    for part in (*parts, MODEL, SUPERVISOR):
        together = sum(part in pair for pair in pairs)
        deeds += [Deed("kill", (part,))] * (least.kills - together)
    deeds += [Deed("freeze", (part,)) for part in FROZEN] * least.freezes
    deeds += [Deed("disk")] * least.disk
    deeds += [Deed("clock", (direction,)) for direction in _turns(("+", "-"), least.steps)]
    for kind in ("pause", "restart"):
        deeds += [Deed(kind, (part,)) for part in _turns(chance.sample(list(parts), len(parts)), least.others)]
    deeds += [Deed("drop", (str(number),)) for number in range(least.others)]
    chance.shuffle(deeds)
    return deeds


def _round(parts: Sequence[str], number: int) -> Iterator[tuple[str, str]]:
    """A round of a tournament in which in the end each has met each: the first stays, the others move on. Of an odd number one rests."""
    seats: list[str] = [*parts, ""] if len(parts) % 2 else [*parts]
    turned = number % (len(seats) - 1)
    first, others = seats[0], seats[1:]
    row = [first, *others[turned:], *others[:turned]]
    for one, other in zip(row[: len(row) // 2], reversed(row[len(row) // 2 :]), strict=True):
        if one and other:
            yield one, other


def _turns(names: Sequence[str], count: int) -> Iterator[str]:
    return (names[number % len(names)] for number in range(count))
