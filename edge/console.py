"""The console's files at the edge: the page at `/`, and below `/console/` the files that it is made of.

`make setup` builds them from `console/` into `.cache/console`. Names of scripts and styles hold a digest of their content, so that a
browser asks for each once; the page itself is requested each time, and names the files of its version.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from edge.page import Page

_ROOT = Path(__file__).resolve().parent.parent
BUILT = _ROOT / ".cache" / "console"
"""The folder that Vite writes to."""
PREFIX = "/console/"
"""The prefix of the paths of its files; `base` of `console/vite.config.ts`."""
_PAGE = "index.html"
_STORAGE = '<meta name="storage-origin" content=""'
_HASHED = "assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
_FOREVER, _A_DAY, _ASKED_ANEW = "public, max-age=31536000, immutable", "public, max-age=86400", "no-cache"


def write(folder: Path, storage_origin: str = "", built: Path = BUILT) -> Iterator[Page]:
    """Copy each file of the console to `folder`, where it stays unchanged while a later version is built. `storage_origin`: where uploads
    go and results come from, if that is not this server.

    Raises FileNotFoundError when the console has not been built.
    """
    if not (built / _PAGE).is_file():
        raise FileNotFoundError(f"{built / _PAGE}: the console has not been built; `make setup` builds it")
    shutil.copytree(built, folder)
    page = folder / _PAGE
    page.write_text(page.read_text().replace(_STORAGE, _STORAGE.replace('""', f'"{storage_origin}"')))
    yield Page("/", page, _TYPES[".html"], {**_protections(storage_origin), "cache-control": _ASKED_ANEW})
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path != page):
        name = file.relative_to(folder).as_posix()
        kept = _FOREVER if name.startswith(f"{_HASHED}/") else _A_DAY
        yield Page(f"{PREFIX}{name}", file, _TYPES[file.suffix], {"cache-control": kept})


def _protections(storage_origin: str) -> dict[str, str]:
    """Headers of the page. Scripts, styles and requests are this server's own, and no site may frame it, since people sign in there.
    Pictures, videos and documents that were chosen or fetched are shown by `blob:` URLs."""
    sources = f"'self' {storage_origin}".rstrip()
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        f"img-src {sources} blob: data:; media-src {sources} blob:; connect-src {sources}; frame-src blob:; object-src blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    }
