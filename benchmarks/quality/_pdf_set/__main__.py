"""Make the documents: FOLDER/<part>/<producer>/<name>/{marked,clean}.pdf, or only clean.pdf for those without a mark."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.quality._pdf_set import (
    declared,
    held_out,
    other_documents,
    random_stamps,
    reportlab_documents,
    second_held_out,
    stamped_lines,
    stamping,
)
from benchmarks.quality._pdf_set.stamp_words import DEVELOPMENT, HELD_OUT, Bank

_SEEDS, _SEEN_ONCE, _FRESH = (1, 2, 3), 5309, 7741
"""Of what is drawn by chance: those tuned on, one looked at once, and one not looked at before the code was last changed."""
Documents = Mapping[str, Mapping[str, Callable[[bool], bytes]]]


def main(folder: Path) -> None:
    """Write all of them."""
    known: list[Documents] = [
        {"ReportLab": reportlab_documents.marked_documents()},
        stamping.marked_documents(),
        other_documents.marked_documents(),
    ]
    plain: list[Documents] = [
        {"ReportLab": reportlab_documents.unmarked_documents()},
        stamping.unmarked_documents(),
        other_documents.unmarked_documents(),
    ]
    _write(folder / "tuned", known, plain)
    _write(folder / "declared", [declared.marked_documents()], [declared.unmarked_documents()])
    _write(folder / "once held out", [held_out.marked_documents()], [held_out.unmarked_documents()])
    _write(folder / "stamped lines, tuned", [stamped_lines.marked_documents()], [stamped_lines.unmarked_documents()])
    _write(folder / "stamped lines, seen", [stamped_lines.seen_marked()], [stamped_lines.seen_unmarked()])
    _write(folder / "stamped lines, seen later", [stamped_lines.seen_later_marked()], [stamped_lines.seen_later_unmarked()])
    _write_random(folder / "stamped lines, development", _SEEDS, DEVELOPMENT)
    _write_random(folder / "stamped lines, once held out", (_SEEN_ONCE,), HELD_OUT)
    _write_random(folder / "stamped lines, held out", (_FRESH,), HELD_OUT)
    _write(folder / "held out, second set", [second_held_out.marked_documents()], [second_held_out.unmarked_documents()])


def _write_random(folder: Path, seeds: Sequence[int], bank: Bank) -> None:
    for seed in seeds:
        unmarked: list[Documents] = [random_stamps.documents(seed, bank, kind) for kind in ("own", "added")]
        _write(folder, [random_stamps.documents(seed, bank, "stamps")], unmarked)


def _write(folder: Path, marked: list[Documents], unmarked: list[Documents]) -> None:
    for documents, names in ((marked, ("marked", "clean")), (unmarked, ("clean",))):
        for producer, made in (pair for each in documents for pair in each.items()):
            for name, make in made.items():
                target = folder / producer / name.replace("/", " ")
                target.mkdir(parents=True, exist_ok=True)
                for kind in names:
                    (target / f"{kind}.pdf").write_bytes(make(kind == "marked"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
