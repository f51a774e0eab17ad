"""The members of a backup's archive, written and read as a stream."""

from __future__ import annotations

import hashlib
import json
import tarfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import IO, Any, BinaryIO

from deploy.local.errors import StackError

FORMAT = 1
HEAD, MOMENT, MANIFEST = "backup.json", "moment.json", "manifest.json"
OBJECTS, ROWS, INSTALLATION = "objects/", "rows/", "installation/"
BLOCK = 1 << 20
_TYPE = "DARKROOM.type"
_DIGEST = "sha256"


class Writer:
    """Writes members one after the other."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._all = out, hashlib.sha256()

    def add(self, name: str, content: bytes, media_type: str = "") -> None:
        """A member whose content is at hand."""
        self._begin(name, len(content), media_type)
        self._out.write(content)
        self._end(name, len(content), hashlib.sha256(content).hexdigest())

    async def add_pieces(self, name: str, size: int, pieces: AsyncIterator[bytes], media_type: str = "") -> None:
        """A member whose content comes in pieces, which are of this size together."""
        digest, left = hashlib.sha256(), size
        self._begin(name, size, media_type)
        async for piece in pieces:
            left -= len(piece)
            digest.update(piece)
            self._out.write(piece)
        if left:
            raise StackError(f"{name} has {size - left} bytes, and was said to have {size}")
        self._end(name, size, digest.hexdigest())

    def end(self, manifest: Mapping[str, Any]) -> None:
        """The last member, with the digest of the others."""
        self.add(MANIFEST, as_json({**manifest, _DIGEST: self._all.hexdigest()}))
        self._out.write(bytes(2 * tarfile.BLOCKSIZE))

    def _begin(self, name: str, size: int, media_type: str) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(time.time())
        member.pax_headers = {_TYPE: media_type} if media_type else {}
        self._out.write(member.tobuf(tarfile.PAX_FORMAT))

    def _end(self, name: str, size: int, digest: str) -> None:
        self._out.write(bytes(-size % tarfile.BLOCKSIZE))
        self._all.update(_line(name, size, digest))


class Member:
    """One member, whose content is read once, before the next member."""

    def __init__(self, name: str, size: int, media_type: str, content: IO[bytes]) -> None:
        self.name, self.size, self.media_type = name, size, media_type
        self._content, self.digest = content, hashlib.sha256()

    def read(self) -> bytes:
        """All that is left of it."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The same, piece by piece."""
        while piece := self._content.read(BLOCK):
            self.digest.update(piece)
            yield piece


class Reader:
    """Reads members one after the other. Raises StackError for what is no backup of a known format, was cut short, or was changed."""

    def __init__(self, content: BinaryIO, name: str) -> None:
        self._content, self._name, self._all = content, name, hashlib.sha256()
        self.manifest: Mapping[str, Any] = {}
        """Known once all members have been read."""

    def __iter__(self) -> Iterator[Member]:
        """All members but the first and the last, which are looked at here."""
        known = False
        with tarfile.open(fileobj=self._content, mode="r|", bufsize=BLOCK) as tar:
            for entry in tar:
                opened = tar.extractfile(entry)
                if opened is None:
                    raise tarfile.ReadError(f"{entry.name} is no file")
                member = Member(entry.name, entry.size, entry.pax_headers.get(_TYPE, ""), opened)
                if not known:
                    self._check_head(member)
                    known = True
                elif member.name == MANIFEST:
                    self._check_manifest(member)
                    break
                else:
                    yield member
                for _ in member.pieces():
                    pass
                self._all.update(_line(member.name, member.size, member.digest.hexdigest()))
            else:
                raise StackError(f"{self._name} was cut short: its end is missing")
        # Its last piece is authenticated, too, where it is encrypted.
        while self._content.read(BLOCK):
            pass

    def _check_head(self, member: Member) -> None:
        try:
            told = json.loads(member.read()) if member.name == HEAD else None
        except ValueError:
            told = None
        if not isinstance(told, dict) or "format" not in told:
            raise StackError(
                f"{self._name} is not a backup by `darkroom-admin backup`; one by `deploy.local backup` is restored by "
                "`python -m deploy.local restore`"
            )
        if told["format"] != FORMAT:
            raise StackError(f"{self._name} has format {told['format']}; this version reads format {FORMAT}")

    def _check_manifest(self, member: Member) -> None:
        self.manifest = json.loads(member.read())
        if self.manifest.get(_DIGEST) != self._all.hexdigest():
            raise StackError(f"{self._name} is damaged: its content is not that which its manifest names")


def as_json(value: object) -> bytes:
    """For a member."""
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _line(name: str, size: int, digest: str) -> bytes:
    return f"{name}\0{size}\0{digest}\n".encode()
