"""The names that the results of a batch have in the folder that is their destination: those of the pictures, each once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from services.platform.zip_archive import distinct

_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]")
_NO_NAMES = ("", ".", "..")


def name_of_url(url: str) -> str:
    """The last part of an http, https or storage URL; may be empty."""
    if url.lower().startswith(("http://", "https://")):
        return unquote(urlsplit(url).path).rpartition("/")[2]
    return url.rpartition("/")[2]


def destinations(folder: str, names: Sequence[str], extension: str) -> list[str]:
    """The places of the results of pictures with these names, which may have folders in them. If names differ in nothing but the extension,
    the second result is `NAME-2`."""
    base = folder if folder.endswith("/") else f"{folder}/"
    return [base + name for name in distinct(f"{_stem(name, number)}.{extension}" for number, name in enumerate(names, 1))]


def _stem(name: str, number: int) -> str:
    parts = [part for part in _UNFIT.sub("_", name).split("/") if part not in _NO_NAMES] or [str(number)]
    path = PurePosixPath(*parts)
    return str(path.with_name(path.stem))
