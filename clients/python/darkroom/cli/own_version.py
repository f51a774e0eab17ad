"""Which version of the client this is."""

from __future__ import annotations

from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[4] / "pyproject.toml"


def own_version() -> str:
    """The version of the installed package, or of the checkout."""
    # Most commands do not ask, and these take a while to load.
    import tomllib
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("darkroom")
    except PackageNotFoundError:
        return str(tomllib.loads(_PROJECT.read_text())["project"]["version"])
