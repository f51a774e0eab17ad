"""Make the pictures: FOLDER/<number>.npz each with `picture`, `what`, `name` and `held_out`, and for marked ones also `clean`, `opacity`,
`colour`, `box`, `strength` and `quality` (0: lossless)."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.quality._mark_set.marked import marked_photographs
from benchmarks.quality._mark_set.unmarked import unmarked_photographs


def main(folder: Path) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    number = count()
    for case in marked_photographs():
        np.savez(
            folder / f"{next(number):03}.npz",
            picture=case.picture,
            what=case.kind,
            name=case.name,
            held_out=case.held_out,
            clean=case.clean,
            opacity=case.opacity.astype(np.float16),
            colour=case.colour,
            box=case.box,
            strength=case.strength,
            quality=case.quality or 0,
        )
    for kind, name, picture, held_out in unmarked_photographs():
        np.savez(folder / f"{next(number):03}.npz", picture=picture, what=kind, name=name, held_out=held_out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
