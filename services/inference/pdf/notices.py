"""The results about the marks of a document for the task's owner: notices, and the report as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from services.inference.contract.flow import Attachment
from services.inference.contract.plain_step import PlainStep
from services.inference.contract.step import Step
from services.inference.pdf.texts import KEPT, WARNINGS

_METHODS = {
    "artifact": "marked content that declares itself a watermark",
    "annotation": "a watermark annotation",
    "optional_content": "a layer that is called a watermark",
    "compound_form": "a form that declares itself a watermark",
    "text": "text",
    "outlines": "letters drawn as outlines",
    "image": "an image",
}


def report_of(step: Step, outcome: dict[str, Any], *, dry: bool = False) -> Attachment:
    """The findings and changes, as a JSON file."""
    content = json.dumps({"file": step.source_name, "dry_run": dry, **outcome}, ensure_ascii=False, indent=2)
    return Attachment("marks", "json", "application/json", content.encode() + b"\n")


def tell(step: Step, outcome: dict[str, Any], *, dry: bool = False) -> None:
    """A notice for each mark, with the pages that it is on, and for each warning."""
    code, fate = ("watermark_found", "would be removed") if dry else ("watermark_removed", "was removed")
    for findings in _by_mark(outcome["removed"]):
        step.notice(code, "", f"{step.source_name}: {_named(findings)} {fate}.", _described(findings))
    for findings in _by_mark(outcome["kept"]):
        message = f"{step.source_name}: {_named(findings)} was kept: {findings[0]['reason']}."
        step.notice("watermark_kept", "", message, _described(findings))
    for warning in outcome["warnings"]:
        warn(step, warning)


def warn(step: PlainStep, warning: str) -> None:
    """A notice with a warning about the document."""
    step.notice("document_warning", "", warning, WARNINGS.read(warning))


def _by_mark(findings: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Findings (`Finding.to_dict`) grouped so that one mark on several pages is together."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for finding in findings:
        key = finding["method"], finding["detail"], finding.get("mark"), finding.get("reason")
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def _named(findings: Sequence[dict[str, Any]]) -> str:
    first, pages = findings[0], [finding["page"] for finding in findings]
    what = _METHODS[first["method"]]
    if first["detail"] and first["method"] in ("text", "optional_content"):
        what += f" ({first['detail']})"
    return f"{what} on page {pages[0]}" if len(pages) == 1 else f"{what} on {len(pages)} pages from page {pages[0]} on"


def _described(findings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    # The box is that on the first of the pages.
    shared = {key: value for key, value in findings[0].items() if key not in ("page", "mark")}
    why = KEPT.read(shared["reason"]) if shared.get("reason") else {}
    return {"pages": [finding["page"] for finding in findings], **shared, **why}
