"""The archive of a backup: a tar file, encrypted with age if recipients are given."""

from __future__ import annotations

import os
import sys
import tarfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyrage

from deploy.local.errors import StackError
from deploy.unpacking import unpack

_MAGIC = b"age-encryption.org/v1"
_BUFFER_BYTES = 1 << 20
STANDARD = Path("-")
"""Standard output or input in place of a file."""

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


@contextmanager
def writing(target: Path, to: Sequence[Recipient]) -> Iterator[BinaryIO]:
    """A file that only its owner can read (0600), encrypted for the recipients. It has its name only when the block has ended well; `-` is
    standard output."""
    if target == STANDARD:
        with _encrypted(sys.stdout.buffer, to) as out:
            yield out
        sys.stdout.buffer.flush()
        return
    part = target.with_name(f".{target.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", _BUFFER_BYTES) as file:
            with _encrypted(file, to) as out:
                yield out
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except (pyrage.EncryptError, OSError) as error:
        raise StackError(f"{target} cannot be written: {getattr(error, 'strerror', None) or error}") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def reading(source: Path, given: Sequence[Identity]) -> Iterator[BinaryIO]:
    """The content of a file, or of standard input (`-`), decrypted. Raises StackError, also from within the block, if it is no archive, is
    damaged, or was encrypted for others."""
    name = "standard input" if source == STANDARD else str(source)
    try:
        with open(sys.stdin.fileno() if source == STANDARD else source, "rb", _BUFFER_BYTES, closefd=source != STANDARD) as opened:
            file = cast(BufferedReader, opened)
            if not file.peek(len(_MAGIC)).startswith(_MAGIC):
                yield file
            elif given:
                with _decrypted(file, given) as content:
                    yield content
            else:
                raise StackError(f"{name} is encrypted; give the file with the private key: --identity FILE")
    except pyrage.DecryptError as error:
        raise StackError(f"{name} cannot be decrypted: {error}") from error
    except (tarfile.TarError, EOFError) as error:
        raise StackError(f"{name} is not a backup, or is damaged: {error}") from error
    except OSError as error:
        raise StackError(f"{name}: {error.strerror or error}") from error


def write(folder: Path, target: Path, to: Sequence[Recipient]) -> None:
    """Write everything in a folder to an archive."""
    with writing(target, to) as out:
        _pack(folder, out)


def read(source: Path, folder: Path, given: Sequence[Identity]) -> None:
    """Unpack an archive into an empty folder. Raises StackError as `reading` does."""
    with reading(source, given) as content, tarfile.open(fileobj=content, mode="r|", bufsize=_BUFFER_BYTES) as tar:
        unpack(tar, folder)


@contextmanager
def _encrypted(file: BinaryIO, to: Sequence[Recipient]) -> Iterator[BinaryIO]:
    if not to:
        yield file
        return
    with _piped(lambda end: pyrage.encrypt_io(end, file, to), "rb", "wb") as end:
        yield end


@contextmanager
def _decrypted(file: BinaryIO, given: Sequence[Identity]) -> Iterator[BinaryIO]:
    with _piped(lambda end: pyrage.decrypt_io(file, end, given), "wb", "rb") as end:
        yield end


@contextmanager
def _piped(work: Callable[[BinaryIO], None], its_mode: str, mode: str) -> Iterator[BinaryIO]:
    """One end of a pipe, while a thread works on the other. Raises what the block raises, otherwise what the thread does; the first of them
    where the block only finds that the thread has left."""
    ends = os.pipe()
    its, ours = ends if its_mode == "rb" else ends[::-1]

    def worked() -> None:
        try:
            with cast(BinaryIO, os.fdopen(its, its_mode, _BUFFER_BYTES)) as end:
                work(end)
        except BrokenPipeError:
            # The block need not read to the end.
            if its_mode == "rb":
                raise

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(worked)
        try:
            with cast(BinaryIO, os.fdopen(ours, mode, _BUFFER_BYTES)) as end:
                yield end
        except BrokenPipeError:
            working.result()
            raise
        working.result()


def _pack(folder: Path, out: BinaryIO) -> None:
    with tarfile.open(fileobj=out, mode="w|", bufsize=_BUFFER_BYTES, format=tarfile.PAX_FORMAT) as tar:
        # First, so that the rest can be refused early.
        for name in sorted(path.name for path in folder.iterdir()):
            tar.add(folder / name, arcname=name)
