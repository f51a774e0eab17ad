"""Which version of Darkroom this is."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@cache
def version() -> str:
    """Of the checkout that runs; empty where the project's file is missing."""
    try:
        return str(tomllib.loads(_PROJECT.read_text())["project"]["version"])
    except FileNotFoundError:
        return ""
