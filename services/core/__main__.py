"""`python -m services.core SERVICE …`: serve several services in one process. See `services.platform.shared_process`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from services.platform import shared_process

# Not inference, whose work would keep the others waiting.
_SERVICES = ("accounts", "files", "tasks", "gateway")


def main() -> int:
    """Serve the services named on the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.core", description="Serve several services in one process.")
    parser.add_argument("services", nargs="+", choices=_SERVICES, metavar="SERVICE", help=f"some of {', '.join(_SERVICES)}, callers last")
    names = dict.fromkeys(parser.parse_args().services)
    return shared_process.main([import_module(f"services.{name}.__main__").service for name in names])


if __name__ == "__main__":
    sys.exit(main())
