"""The usual advice on removing a watermark from a PDF: three recipes, each in its common form."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pikepdf
import pypdf
from pypdf.generic import ContentStream, DictionaryObject, NameObject

_TURNED_BLOCK = re.compile(
    rb"q\s(?:(?!\bQ\b).)*?[-\d.]+ -?0?\.[2-9]\d* -?0?\.[2-9]\d* [-\d.]+ [-\d.]+ [-\d.]+ cm\s(?:(?!\bQ\b).)*?\bQ\b", re.DOTALL
)


def declared_only(source: Path, target: Path, _texts: Collection[str]) -> None:
    """pypdf: drop the marked content between `/Artifact <</Subtype /Watermark>> BDC` and its `EMC`."""
    writer = pypdf.PdfWriter(source, full=True)
    for page in writer.pages:
        content = page.get_contents()
        if content is None:
            continue
        stream = ContentStream(content, writer)
        kept, depth = [], 0
        for operands, operator in stream.operations:
            if depth:
                depth += operator in (b"BDC", b"BMC")
                depth -= operator == b"EMC"
                continue
            properties = operands[1] if operator == b"BDC" and len(operands) == 2 else None
            if isinstance(properties, DictionaryObject) and properties.get("/Subtype") == "/Watermark":
                depth = 1
                continue
            kept.append((operands, operator))
        if len(kept) < len(stream.operations):
            stream.operations = kept
            page[NameObject("/Contents")] = writer._add_object(stream)
    writer.write(target)


def regular_expression(source: Path, target: Path, _texts: Collection[str]) -> None:
    """Cut every block q … Q with a turned matrix out of the bytes of the pages."""
    with pikepdf.open(source) as document:
        for page in document.pages:
            page.contents_coalesce()
            page.Contents = document.make_stream(_TURNED_BLOCK.sub(b"", page.Contents.read_bytes()))
        document.save(target)


def known_text(source: Path, target: Path, texts: Collection[str]) -> None:
    """pikepdf: delete every operation that shows a string of the mark, which the user has typed in."""
    wanted = {text.replace(" ", "") for text in texts if text.strip()}
    with pikepdf.open(source) as document:
        for page in document.pages:
            kept = []
            for instruction in pikepdf.parse_content_stream(page):
                if (
                    isinstance(instruction, pikepdf.ContentStreamInstruction)
                    and str(instruction.operator) in ("Tj", "TJ", "'", '"')
                    and _shown(instruction).replace(" ", "") in wanted
                ):
                    continue
                kept.append(instruction)
            page.Contents = document.make_stream(pikepdf.unparse_content_stream(kept))
        document.save(target)


def _shown(instruction: pikepdf.ContentStreamInstruction) -> str:
    last = instruction.operands[-1]
    parts = last if isinstance(last, pikepdf.Array) else [last]
    return "".join(bytes(part).decode("latin-1") for part in parts if isinstance(part, pikepdf.String))
