"""Running one command of a stack, with its failures reported to the user."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from deploy.local.errors import NotReady, PartFailed, StackError

Command = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]


def run(command: Command, options: argparse.Namespace) -> int:
    """Run it; returns the exit status."""
    try:
        return asyncio.run(command(options))
    except PartFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
        for line in failure.log_lines:
            print(f"  | {line}", file=sys.stderr)
        return 1
    except (StackError, NotReady) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
