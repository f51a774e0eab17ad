"""`llms.txt` (https://llmstxt.org) and `llms-full.txt`: the documentation for language models, as plain Markdown."""

from __future__ import annotations

from pathlib import Path

from reference import markdown
from reference.comments import Comments
from reference.openapi import document

_ROOT = Path(__file__).resolve().parent.parent
_DOCS = _ROOT / "docs"


def summary() -> str:
    """What there is and where to read it, small enough for any context window."""
    found = document()
    lines = [
        "# Darkroom",
        "",
        f"> {found['info']['summary']} One port speaks JSON (compatible with Pilio's API) and gRPC.",
        "",
        found["info"]["description"],
        "",
        "Send the API key as `Authorization: Bearer …` to this server alone, never to an upload or download URL.",
        "",
        "## JSON calls",
        "",
    ]
    for path, verbs in found["paths"].items():
        lines += [f"- `{verb.upper()} {path}`: {operation['summary']}" for verb, operation in verbs.items()]
    lines += [
        "",
        "## Documentation",
        "",
        "- [OpenAPI 3.1](/openapi.json): every JSON call, field, limit and error",
        "- [Everything in one text](/llms-full.txt): the guides, the JSON API, the gRPC API and the errors",
        "- [Interactive page](/docs): the JSON API, for people",
        "",
    ]
    return "\n".join(lines)


def full() -> str:
    """The guides of docs/ and the whole reference in one text."""
    comments = Comments()
    guides = [path.read_text().strip() for path in guide_files()]
    pages = [markdown.json_api(document()), markdown.grpc_api(comments), markdown.errors(comments)]
    pages = [page.removeprefix(markdown.GENERATED).strip() for page in pages]
    return summary() + "\n" + "\n\n---\n\n".join([*guides, *pages]) + "\n"


def guide_files() -> list[Path]:
    """The written pages of docs/ and its folders, sorted by name, without what is generated."""
    return sorted(path for path in _DOCS.rglob("*.md") if path.parent.name != "reference")
