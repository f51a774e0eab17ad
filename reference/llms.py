"""`llms.txt` (https://llmstxt.org) and `llms-full.txt`: the documentation for language models, as plain Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reference import markdown, openapi
from reference.comments import Comments
from services.platform.rpc.surfaces import Surface

_ROOT = Path(__file__).resolve().parent.parent
_DOCS = _ROOT / "docs"


def summary() -> str:
    """An overview of what exists and where to read it, small enough for any context window."""
    found = {surface.name: openapi.shared_document(surface) for surface in openapi.surfaces()}
    lines = [
        "# Darkroom",
        "",
        f"> {openapi.SUMMARY} One port speaks JSON and gRPC.",
        "",
        *(line for document in found.values() for line in (document["info"]["description"], "")),
        "Send the API key as `Authorization: Bearer …` to this server alone, never to an upload or download URL.",
        "",
    ]
    for surface in openapi.surfaces():
        lines += [f"## {_calls(surface)}", ""]
        for path, verbs in found[surface.name]["paths"].items():
            lines += [f"- `{verb.upper()} {path}`: {operation['summary']}" for verb, operation in verbs.items()]
        lines.append("")
    lines += [
        "## Documentation",
        "",
        *(f"- [OpenAPI 3.1](/{openapi.file_name(surface)}): every JSON call, field, limit and error" for surface in openapi.surfaces()),
        "- [Everything in one text](/llms-full.txt): the guides, the JSON API, the gRPC API and the errors",
        "- [Interactive page](/docs): the JSON API, for people",
        *(line for surface in openapi.surfaces() for line in _own_pages(surface)),
        "",
    ]
    return "\n".join(lines)


def _own_pages(surface: Surface) -> Iterator[str]:
    """The documents of a surface at the places where its clients look for them."""
    about = surface.reference
    if about.yaml_path:
        yield f"- [OpenAPI 3.1 of {about.title}]({about.yaml_path}): the same as YAML"
    if about.docs_path:
        yield f"- [Interactive page of {about.title}]({about.docs_path}): for people"


def _calls(surface: Surface) -> str:
    """`JSON calls` for the JSON API."""
    return f"{(surface.reference.title or surface.name).removesuffix(' API')} calls"


def full() -> str:
    """The guides of docs/ and the whole reference in one text."""
    comments = Comments()
    guides = [path.read_text().strip() for path in guide_files()]
    pages = [*map(markdown.json_api, openapi.surfaces()), markdown.grpc_api(comments), markdown.errors(comments)]
    pages = [page.removeprefix(markdown.GENERATED).strip() for page in pages]
    return summary() + "\n" + "\n\n---\n\n".join([*guides, *pages]) + "\n"


def guide_files() -> list[Path]:
    """The written pages of docs/ and its folders, sorted by name, without what is generated."""
    reference = _DOCS / "reference"
    return sorted([*(path for path in _DOCS.rglob("*.md") if reference not in path.parents), reference / "README.md"])
