"""Checks the written pages against the protos and each other: the paths, methods, pages and headings that they name must exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from reference.llms import guide_files
from services.pictures.operation_calls import operation_calls
from services.platform.rpc import catalogue

_ROOT = Path(__file__).resolve().parent.parent
_GENERATED = _ROOT / "docs" / "reference" / "generated"
_OTHERS = (
    "README.md",
    "benchmarks/quality.md",
    "benchmarks/results.md",
    "clients/python/README.md",
    "clients/typescript/README.md",
    "deploy/README.md",
    "deploy/images/README.md",
    "docs/reference/cli.md",
    "docs/reference/errors.md",
    "edge/README.md",
    "models/README.md",
    "samples/README.md",
    "tests/README.md",
)

_PATH = re.compile(r"(?<!\w)/v1/[a-z][\w{}:<>/.-]*[\w}>]")
_METHOD = re.compile(r"\b([A-Z]\w+Service)\.([A-Z]\w+)")
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)]*))?\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_VARIABLE = re.compile(r"\{[^}]*\}|<[^>]*>|:\w+|\d+|[A-Z_]+")


def problems() -> list[str]:
    """Names in the guides that do not exist, one line each."""
    files = [*guide_files(), *(_ROOT / name for name in _OTHERS)]
    return [f"{file.relative_to(_ROOT)}: {problem}" for file in files for problem in _problems(file)]


def _problems(file: Path) -> Iterator[str]:
    text = file.read_text()
    known_paths = _paths()
    for path in sorted(set(_PATH.findall(text))):
        shape = _shape(path)
        if shape not in known_paths and not any(known.startswith(shape.rstrip("/") + "/") for known in known_paths):
            yield f"{path} is not a path of the API"
    methods = _methods()
    for service, method in sorted(set(_METHOD.findall(text))):
        if f"{service}.{method}" not in methods:
            yield f"{service}.{method} is not a method of the API"
    for link, heading in sorted(set(_LINK.findall(text))):
        if "://" in link or link.startswith(("/", "mailto:")):
            continue
        target = file.parent / link if link else file
        if _GENERATED in target.resolve().parents:
            yield f"{link} is not committed: link to docs/reference/README.md"
        elif not target.exists():
            yield f"{link} does not exist"
        elif heading and target.suffix == ".md" and heading not in _anchors(target.read_text()):
            yield f"{link}#{heading} is not a heading"


def _anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as on GitHub: in lower case, hyphens for spaces, no punctuation."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


def _paths() -> set[str]:
    return {*(_shape(route.template.text) for route in catalogue.routes()), *(call.path for call in operation_calls())}


def _methods() -> set[str]:
    return {f"{service.name}.{method.name}" for service in catalogue.public_services() for method in service.methods}


def _shape(path: str) -> str:
    """A path with its variable parts normalised: `/v1/tasks/{id}/status`, `/v1/tasks/:id/status` and `/v1/tasks/7/status` are the same."""
    return "/".join("{}" if _VARIABLE.fullmatch(part) else part for part in path.split("/"))
