"""Make the pictures: FOLDER/<number>.npz each with `picture`, `what` and `held_out`, and for marked ones also `clean` and `cover`."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.quality._mark_set.marked import marked
from benchmarks.quality._mark_set.unmarked import unmarked


def main(folder: Path) -> None:
    """Write all of them."""
    number = count()
    for case in marked():
        np.savez(
            folder / f"{next(number):03}.npz",
            picture=case.picture,
            what=case.kind,
            held_out=case.held_out,
            clean=case.clean,
            cover=case.cover,
        )
    for kind, _, picture, held_out in unmarked():
        np.savez(folder / f"{next(number):03}.npz", picture=picture, what=kind, held_out=held_out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
