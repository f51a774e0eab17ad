"""Make the pictures: FOLDER/<number>.npz each with `picture`, `what`, `name` and `part`, and for marked ones also `clean`, `opacity`,
`colour`, `box`, `strength` and `quality` (0: lossless). Those to develop with or, with a seed, held-out ones."""

from __future__ import annotations

import argparse
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.quality._mark_set.marked import marked_photographs
from benchmarks.quality._mark_set.unmarked import unmarked_photographs


def main(folder: Path, seed: int | None) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    number = count()
    for case in marked_photographs(seed):
        np.savez(
            folder / f"{next(number):03}.npz",
            picture=case.picture,
            what=case.kind,
            name=case.name,
            part=case.part,
            clean=case.clean,
            opacity=case.opacity.astype(np.float16),
            colour=case.colour,
            box=case.box,
            strength=case.strength,
            quality=case.quality or 0,
        )
    for kind, name, picture, part in unmarked_photographs(seed):
        np.savez(folder / f"{next(number):03}.npz", picture=picture, what=kind, name=name, part=part)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality._mark_set", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    main(options.folder, options.seed)
