"""The pages that the edge serves without a key: the console, the OpenAPI documents, their interactive pages, the texts for language
models, and what browsers and search engines look for.

The interactive page is Swagger UI, fetched once and checked by its hash; a browser loads nothing else from elsewhere to show it. Both
`python -m edge.pages` and `make setup` fetch it.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template

from edge import console, texts
from edge.page import Page
from models.catalogue import NpmArchive
from models.fetch import Fetcher
from reference import llms, openapi, operation_texts, pilio

_ROOT = Path(__file__).resolve().parent.parent
_OWN = Path(__file__).resolve().parent / "docs_page"
SWAGGER_UI = _ROOT / ".cache" / "swagger-ui"
"""The folder of the fetched files."""

_ARCHIVE = NpmArchive(
    kind="npm",
    package="swagger-ui-dist",
    version="5.35.0",
    sha256="1b8e891893404ea4c3558b6a87e2a3e494e7eedba41168c2ece5800a391a6ea6",
)
# Apache-2.0; its text and notice accompany the files.
_TAKEN = ("swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css", "LICENSE", "NOTICE")

_INDEX = "/docs"
_TEXT, _HTML = texts.TEXT, "text/html; charset=utf-8"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png", ".txt": _TEXT, "": _TEXT}
# Swagger UI draws its icons as data: URLs. Scripts, styles and requests must be this server's own, and no site may frame the page, since
# users type keys into it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_COMPRESSED = ("image/png", "image/webp")
# Bytes from which a page is kept compressed.
_LARGE = 8192
# Links of a list that is shown unfolded.
_OPEN = 12
_READABLE_ANYWHERE = {"access-control-allow-origin": "*"}


@dataclass(frozen=True, slots=True)
class Redirect:
    """A path that leads to a page."""

    path: str
    location: str


def write(folder: Path, storage_origin: str = "", swagger_ui: Path = SWAGGER_UI) -> list[Page]:
    """Write every page to `folder`; `storage_origin` as in `console.write`.

    Raises FileNotFoundError when Swagger UI has not been fetched, or the console has not been built.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "docs").mkdir(parents=True)
    pages = [_written(folder, *text) for text in texts.texts()]
    own = [Page(f"/docs/{name}", _OWN / name, _TYPES[Path(name).suffix]) for name in ("page.js", "page.css")]
    own += [Page(f"/docs/{name}", swagger_ui / name, _TYPES[Path(name).suffix]) for name in _TAKEN]
    own.append(Page("/favicon.ico", _OWN / "favicon.ico", "image/x-icon"))
    for page in own:
        copy = folder / "docs" / page.file.name
        shutil.copyfile(page.file, copy)
        pages.append(Page(page.path, copy, page.content_type, page.headers))
    pages += [_shown(folder, *document) for document in _documents()]
    pages += console.write(folder / "console", storage_origin)
    return [_packed(page) if _is_worth_packing(page) else page for page in pages]


def redirects() -> list[Redirect]:
    """From what is nearly the path of a page."""
    return [Redirect("/docs/", "/docs")] + [Redirect(path.removesuffix("/"), path) for path, _, _ in _documents() if path.endswith("/")]


def _documents() -> list[tuple[str, str, str]]:
    """The path of each interactive page, its title, and the document that it shows."""
    own = [(one.docs_path, one.title, one.yaml_path) for one in (surface.reference for surface in openapi.surfaces()) if one.docs_path]
    return [(_INDEX, "Darkroom API", "/openapi.json"), *own]


def _index(root: str) -> str:
    """A list of all documents, as HTML; `root` as the links begin."""
    surfaces = sorted(openapi.surfaces(), key=lambda one: one.name != llms.OWN)
    lists = {
        "Interactive pages": [(path, title) for path, title, _ in _documents() if path != _INDEX],
        "OpenAPI 3.1": [
            *((f"/{openapi.file_name(one)}", one.reference.title or one.name) for one in surfaces),
            *((path, f"{one.reference.title}, as YAML") for one in surfaces if (path := one.reference.yaml_path)),
            (pilio.PATH, "The calls of Pilio alone"),
        ],
        "gRPC": [(llms.GRPC, "Every service and message (server reflection needs a key)")],
        "All APIs": [(llms.CALLS, "All JSON calls"), (llms.ERRORS, "Errors")],
        "For language models": [("/llms.txt", "llms.txt"), ("/llms-full.txt", "llms-full.txt")],
        "Operations": [(llms.operation_path(name), name) for name in operation_texts.names()],
        "Guides": [(path, title) for path, title in llms.guide_titles().items()],
    }
    return "\n".join(_links(heading, links, root) for heading, links in lists.items() if links)


def _links(heading: str, links: Sequence[tuple[str, str]], root: str) -> str:
    items = "".join(f'<li><a href="{root}{path.removeprefix("/")}">{escape(text)}</a></li>' for path, text in links)
    return f"<details{' open' if len(links) <= _OPEN else ''}><summary>{heading}</summary><ul>{items}</ul></details>"


def _shown(folder: Path, path: str, title: str, document: str) -> Page:
    """The interactive page of a document. Its links are relative, so that they hold behind any proxy."""
    root = "../" * (path.count("/") - 1)
    index = f'<div id="documents">{_index(root)}</div>' if path == _INDEX else ""
    values = {"title": title, "root": root, "document": root + document.removeprefix("/"), "index": index}
    text = Template((_OWN / "index.html").read_text()).substitute(values)
    file = folder / "docs" / f"{path.strip('/').replace('/', '-')}.html"
    file.write_text(text)
    return Page(path, file, _HTML, {"content-security-policy": _POLICY})


def _is_worth_packing(page: Page) -> bool:
    """Whether it is large, and no picture: those are compressed already."""
    return page.file.stat().st_size >= _LARGE and page.content_type not in _COMPRESSED


@lru_cache(maxsize=128)
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=6, mtime=0)


def _packed(page: Page) -> Page:
    packed = page.file.with_name(f"{page.file.name}.gz")
    packed.write_bytes(_compressed(page.file.read_bytes()))
    page.file.unlink()
    return replace(page, file=packed, is_gzipped=True)


def _written(folder: Path, path: str, text: str, content_type: str) -> Page:
    file = folder / path.removeprefix("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return Page(path, file, content_type, _READABLE_ANYWHERE)


def fetch(destination: Path = SWAGGER_UI) -> None:
    """Fetch Swagger UI to `destination`. Raises what `Fetcher.fetch` raises."""
    fetcher = Fetcher(_ROOT / ".cache" / "downloads", lambda line: print(line, file=sys.stderr))
    archive = fetcher.fetch(_ARCHIVE)
    shutil.rmtree(destination, ignore_errors=True)
    destination.mkdir(parents=True)
    with tarfile.open(archive) as packed:
        for name in _TAKEN:
            content = packed.extractfile(f"package/{name}")
            if content is None:
                raise FileNotFoundError(f"{_ARCHIVE.package} {_ARCHIVE.version} holds no {name}")
            (destination / name).write_bytes(content.read())
    fetcher.discard()


if __name__ == "__main__":
    fetch()
