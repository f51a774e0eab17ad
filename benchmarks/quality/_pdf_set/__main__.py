"""Make the documents: FOLDER/<part>/<producer>/<name>/{marked,clean}.pdf, or only clean.pdf for those without a mark."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.quality._pdf_set import declared, held_out, other_documents, reportlab_documents, second_held_out, stamped_lines, stamping

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
    _write(folder / "stamped lines, held out", [stamped_lines.held_out_marked()], [stamped_lines.held_out_unmarked()])
    _write(folder / "held out, second set", [second_held_out.marked_documents()], [second_held_out.unmarked_documents()])


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
