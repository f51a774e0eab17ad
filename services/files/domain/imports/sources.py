"""Where files are fetched from: URLs, as clients name them, and storages, as the operator configures them."""

from __future__ import annotations

from dataclasses import dataclass

from services.files.domain.imports.fetching import Fetcher
from services.files.storages import SCHEME, Storages


@dataclass(frozen=True, slots=True)
class Source:
    """Where one file is."""

    fetcher: Fetcher
    url: str
    name: str
    """The last part of its path; may be empty."""


class Sources:
    """`from_storages` goes wherever the operator sends it, `fetcher` only where clients may."""

    def __init__(self, fetcher: Fetcher, storages: Storages, from_storages: Fetcher) -> None:
        self._fetcher, self._storages, self._from_storages = fetcher, storages, from_storages

    def find(self, account_id: int, url: str, field: str) -> Source:
        """Where the file of an `http`, `https` or `storage` URL is, for an account. Raises FIELD_INVALID."""
        if url.startswith(SCHEME):
            return Source(self._from_storages, self._storages.url(account_id, url, field), url.rpartition("/")[2])
        return Source(self._fetcher, url, self._fetcher.check(url, field))

    def check(self, account_id: int, url: str, field: str) -> None:
        """`find`, and refuse an address, in place of a host's name, that files may not be fetched from. Raises FIELD_INVALID."""
        if self.find(account_id, url, field).fetcher is self._fetcher:
            self._fetcher.check_address(url, field)
