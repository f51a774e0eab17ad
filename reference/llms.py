"""`llms.txt` (https://llmstxt.org) and the pages that it links: the documentation for language models, as plain Markdown.

A page is small enough to be read whole: one for each operation, one for each guide of docs/. `/llms.txt` says what there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from os.path import normpath
from pathlib import Path

from reference import markdown, openapi, operation_texts
from reference.comments import Comments
from services.platform.rpc import catalogue
from services.platform.rpc.surfaces import Surface

_ROOT = Path(__file__).resolve().parent.parent
_DOCS = _ROOT / "docs"
PREFIX = "/llms/"
"""The prefix of the paths of the pages."""
CALLS, GUIDES, GRPC, ERRORS = (f"{PREFIX}{name}.md" for name in ("calls", "guides", "grpc-api", "errors"))
OWN = "rest"
"""The surface of Darkroom's own JSON API, which comes first."""
# The way from a file to its result.
_MAIN_CALLS = (
    ("POST", "/v1/files/batch-create"),
    ("POST", "/v1/files/import"),
    ("POST", "/v1/images/{operation}"),
    ("POST", "/v1/pdfs/{operation}"),
    ("POST", "/v1/tasks"),
    ("GET", "/v1/tasks/{id}/status"),
    ("GET", "/v1/tasks/{id}/result"),
    ("GET", "/v1/tasks/{id}/events"),
    ("POST", "/v1/tasks/{id}/cancel"),
    ("POST", "/v1/estimate"),
    ("POST", "/v1/batches"),
    ("POST", "/v1/pipelines"),
    ("POST", "/v1/pipelines/{id}/run"),
    ("POST", "/v1/webhooks"),
    ("GET", "/v1/balance"),
)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def summary() -> str:
    """`/llms.txt`: what Darkroom is, how it is called, and where each thing is described. Under 12 kB."""
    about = openapi.shared_document(catalogue.surface(OWN))
    found = _sentences()
    lines = [
        "# Darkroom",
        "",
        f"> {openapi.SUMMARY} A self-hosted server that edits pictures and PDFs. One port speaks JSON and gRPC.",
        "",
        about["info"]["description"],
        "",
        "Send the API key as `Authorization: Bearer …` to this server alone, never to an upload or download URL.",
        "",
        "## The main calls",
        "",
        *(f"- `{verb} {path}`: {found[verb, path]}" for verb, path in _MAIN_CALLS if (verb, path) in found),
        "",
        f"[All JSON calls]({CALLS}) in one list, [every field of them](/openapi.json) as OpenAPI 3.1, [gRPC]({GRPC}), [errors]({ERRORS}).",
        "",
        "## Operations",
        "",
        "A task is a list of operations; each works on the result of the one before.",
        "",
        *_operation_list(),
        "",
        "## More",
        "",
        f"- [Guides]({GUIDES}): uploads, batches, webhooks, keys, the command line, running a server, and others",
        "- [Interactive page](/docs): every document, and the JSON API, for people",
        *(line for surface in openapi.surfaces() if surface.name != OWN for line in _documents(surface)),
        "",
    ]
    return "\n".join(lines)


def _sentences() -> dict[tuple[str, str], str]:
    """The first sentence about each call of `/v1`, by its verb and path."""
    comments = Comments()
    own = (route for route in catalogue.routes() if route.surface.name == OWN)
    return {(route.verb, route.template.text): comments.first_sentence(route.method.full_name) for route in own}


def _operation_list() -> Iterator[str]:
    comments = Comments()
    for name in operation_texts.names():
        yield f"- [{name}]({operation_path(name)}): {operation_texts.about(name, comments)}"


def _documents(surface: Surface) -> Iterator[str]:
    """The documents of a compatibility surface, also at the places where its clients look for them."""
    about = surface.reference
    yield f"- [{about.title or surface.name}](/{openapi.file_name(surface)}): its calls are here too, as OpenAPI 3.1"
    if about.yaml_path:
        yield f"- [{about.title}]({about.yaml_path}): the same as YAML"
    if about.docs_path:
        yield f"- [{about.title}]({about.docs_path}): its interactive page"


def calls() -> str:
    """Every JSON call of every surface, one line each."""
    lines = ["# All JSON calls", ""]
    for surface in sorted(openapi.surfaces(), key=lambda one: one.name != OWN):
        lines += [f"## {surface.reference.title or surface.name}", ""]
        for path, verbs in openapi.shared_document(surface)["paths"].items():
            lines += [f"- `{verb.upper()} {path}`: {operation['summary']}" for verb, operation in verbs.items()]
        lines.append("")
    return "\n".join(lines)


def full() -> str:
    """`/llms-full.txt`: the summary and all calls. The pages are apart."""
    return f"{summary()}\n{calls()}"


def pages() -> dict[str, str]:
    """The path of each page → its text."""
    comments = Comments()
    found = {CALLS: calls(), GRPC: markdown.grpc_api(comments), ERRORS: markdown.errors(comments), GUIDES: _guide_list()}
    found |= {operation_path(name): operation_texts.page(name, comments) for name in operation_texts.names()}
    guides = _offered_guides()
    found |= {guide_path(file): _served(file, frozenset(guides)) for file in guides}
    return {path: text.removeprefix(markdown.GENERATED) for path, text in found.items()}


def operation_path(name: str) -> str:
    """The path of an operation's page."""
    return f"{PREFIX}operations/{name}.md"


def guide_path(file: Path) -> str:
    """The path of a guide of docs/."""
    return f"{PREFIX}docs/{file.relative_to(_DOCS).as_posix()}"


def guide_titles() -> Mapping[str, str]:
    """The path of each guide → its title, in the order of their files."""
    return {guide_path(file): _title(file) for file in _offered_guides()}


def _guide_list() -> str:
    return "\n".join(["# Guides", "", *(f"- [{title}]({path})" for path, title in guide_titles().items()), ""])


@cache
def _title(file: Path) -> str:
    found = _TITLE.search(file.read_text())
    return found[1] if found else file.stem


def _served(file: Path, guides: frozenset[Path]) -> str:
    """A guide without links to what no server has: pictures, and files of the repository outside docs/."""

    def link(match: re.Match[str]) -> str:
        text, target = match[1], match[2]
        there = "://" in target or target.startswith(("/", "mailto:")) or not target or Path(normpath(file.parent / target)) in guides
        return match[0] if there and not match[0].startswith("!") else text

    return _LINK.sub(link, file.read_text())


def _offered_guides() -> list[Path]:
    """The guides, without those about surfaces that are off."""
    off = {surface.name for surface in catalogue.surfaces_off()}
    return [file for file in guide_files() if not off & set(file.stem.split("-"))]


def guide_files() -> list[Path]:
    """The written pages of docs/ and its folders, sorted by name, without what is generated."""
    reference = _DOCS / "reference"
    return sorted([*(path for path in _DOCS.rglob("*.md") if reference not in path.parents), reference / "README.md"])
