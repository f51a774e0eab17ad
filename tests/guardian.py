"""Takes a stack down when the test process that made it is gone and has not done so itself, whatever ended it: a kill, or a run in parallel
that was broken off. Run as `python -m tests.guardian FOLDER`; standard input ends with the test process.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    folder = Path(sys.argv[1])
    sys.stdin.read()
    if folder.exists():
        # Here, so that a guardian that has nothing to do costs next to nothing.
        from tests.stacks import StackUnderTest

        StackUnderTest(folder, guarded=False).close()


if __name__ == "__main__":
    main()
