"""The archive of a backup: a tar file, encrypted with age if recipients are given."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pyrage

from deploy.local.errors import StackError
from deploy.unpacking import unpack

_MAGIC = b"age-encryption.org/v1"
_BUFFER_BYTES = 1 << 20

# Those of pyrage, which says nothing about its types.
Recipient = Any
Identity = Any


def recipients(texts: Collection[str]) -> Sequence[Recipient]:
    """The recipients with these public keys: `age1…`, or those of SSH (`ssh-ed25519 …`, `ssh-rsa …`). Raises StackError."""
    return [_recipient(text) for text in texts]


def _recipient(text: str) -> Recipient:
    try:
        return pyrage.ssh.Recipient.from_str(text) if text.startswith("ssh-") else pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise StackError(f"{text} is not a public key of age (age1…) or SSH: {error}") from error


def identities(file: Path | None) -> Sequence[Identity]:
    """The private keys in a file: of age, one a line, or one of SSH without a passphrase. Raises StackError."""
    if file is None:
        return []
    try:
        content = file.read_bytes()
        if content.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode().splitlines()]
        return [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except OSError as error:
        raise StackError(f"{file} cannot be read: {error.strerror}") from error
    except (pyrage.IdentityError, UnicodeDecodeError) as error:
        raise StackError(f"{file} contains no private key of age or SSH: {error}") from error


def write(folder: Path, target: Path, to: Sequence[Recipient]) -> None:
    """Write everything in a folder to an archive that only its owner can read (0600). It has its name only when it is complete."""
    part = target.with_name(f".{target.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", _BUFFER_BYTES) as file:
            if to:
                _piped(lambda end: _pack(folder, end), lambda end: pyrage.encrypt_io(end, file, to))
            else:
                _pack(folder, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def read(source: Path, folder: Path, given: Sequence[Identity]) -> None:
    """Unpack an archive into an empty folder. Raises StackError if it is no archive, is damaged, or was encrypted for others."""
    try:
        with source.open("rb", _BUFFER_BYTES) as file:
            encrypted = file.read(len(_MAGIC)) == _MAGIC
            file.seek(0)
            if not encrypted:
                _unpack(file, folder)
            elif given:
                _piped(lambda end: pyrage.decrypt_io(file, end, given), lambda end: _unpack(end, folder))
            else:
                raise StackError(f"{source} is encrypted; give the file with the private key: --identity FILE")
    except pyrage.DecryptError as error:
        raise StackError(f"{source} cannot be decrypted: {error}") from error
    except (tarfile.TarError, EOFError) as error:
        raise StackError(f"{source} is not a backup, or is damaged: {error}") from error
    except OSError as error:
        raise StackError(f"{source}: {error.strerror or error}") from error


def _pack(folder: Path, out: BinaryIO) -> None:
    with tarfile.open(fileobj=out, mode="w|", bufsize=_BUFFER_BYTES, format=tarfile.PAX_FORMAT) as tar:
        # First, so that the rest can be refused early.
        for name in sorted(path.name for path in folder.iterdir()):
            tar.add(folder / name, arcname=name)


def _unpack(source: BinaryIO, folder: Path) -> None:
    with tarfile.open(fileobj=source, mode="r|", bufsize=_BUFFER_BYTES) as tar:
        unpack(tar, folder)


def _piped(write_to: Callable[[BinaryIO], None], read_from: Callable[[BinaryIO], None]) -> None:
    """Run both sides of a pipe at once. Raises what the reader raises, otherwise what the writer does."""
    reading, writing = os.pipe()

    def produce() -> None:
        with os.fdopen(writing, "wb", _BUFFER_BYTES) as end:
            write_to(end)

    with ThreadPoolExecutor(1) as pool:
        producing = pool.submit(produce)
        with os.fdopen(reading, "rb", _BUFFER_BYTES) as end:
            try:
                read_from(end)
            finally:
                # The writer ends with a broken pipe if the reader did not take everything.
                end.close()
        producing.result()
