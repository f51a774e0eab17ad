"""Takes a stack down when the process that created it has ended, for whatever reason, without doing so itself.

Run as `python -m deploy.local.scratch.guardian FOLDER`; its standard input ends with that process.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Wait for the process to end, and clean up after it."""
    folder = Path(sys.argv[1])
    sys.stdin.read()
    if folder.exists():
        # Imported here, so that an idle guardian costs next to nothing.
        from deploy.local.scratch.stack import ScratchStack

        ScratchStack(folder, guarded=False).close()


if __name__ == "__main__":
    main()
