"""Run the evaluations and write `benchmarks/quality.md`.

python -m benchmarks.quality [--only OPERATION …] [--write]: writes each operation's tables, replacing those with the same title.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import quality
from benchmarks.table import Section, replace_sections

RESULTS = Path(__file__).resolve().parent.parent / "quality.md"
_IMAGES = RESULTS.parent.parent / "docs" / "images"
_HEADING = """# Quality

`make quality`: evaluation sets that scripts make, with a known truth, and the same inputs given to what a user
would run instead. *Held out* are the producers and photographs that nothing was tuned on. *Once held out* are those whose
results were looked at before the code was last changed: their rows show how it does after that change, and are no blind test.
"""


def main() -> None:
    """Measure, print and write."""
    operations = [module.name for module in pkgutil.iter_modules(quality.__path__) if not module.name.startswith("_")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=operations, default=operations, help="whose results to judge; all if left out")
    parser.add_argument("--write", action="store_true", help="put the tables into quality.md, in place of those of the same title")
    options = parser.parse_args()
    for name in options.only:
        print(f"{name} …", file=sys.stderr)
        measure: Callable[[], Sequence[Section]] = importlib.import_module(f"{quality.__name__}.{name}").measure
        sections = measure()
        print("\n".join(section.markdown() for section in sections))
        if options.write:
            text = RESULTS.read_text() if RESULTS.exists() else _HEADING
            RESULTS.write_text(replace_sections(text, sections))
            for section in sections:
                for file, (_, content) in section.images.items():
                    (_IMAGES / file).write_bytes(content)


if __name__ == "__main__":
    main()
