"""Takes a stack down when the process that made it is gone and has not done so itself, whatever ended it.

Run as `python -m deploy.local.scratch.guardian FOLDER`; its standard input ends with that process.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Wait for the end, and clean up after it."""
    folder = Path(sys.argv[1])
    sys.stdin.read()
    if folder.exists():
        # Here, so that a guardian that has nothing to do costs next to nothing.
        from deploy.local.scratch.stack import ScratchStack

        ScratchStack(folder, guarded=False).close()


if __name__ == "__main__":
    main()
