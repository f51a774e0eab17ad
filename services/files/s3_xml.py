"""The XML of S3's replies and requests."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.parsers import expat

_DEEPEST = 16
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(slots=True)
class Element:
    """An element, without its attributes, and with its name's namespace left out."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> list[Element]:
        """Its children of a name."""
        return [child for child in self.children if child.name == name]

    def find(self, name: str) -> Element | None:
        """Its first child of a name."""
        return next((child for child in self.children if child.name == name), None)

    def child(self, name: str) -> Element:
        """As `find`, or an empty element."""
        return self.find(name) or Element(name)

    def value(self, name: str, default: str | None = None) -> str:
        """The text of a child. Raises ValueError where there is none, nor a default."""
        found = self.find(name)
        if found is not None:
            return found.text
        if default is None:
            raise ValueError(f"no {name} in {self.name}")
        return default


def parsed(document: bytes) -> Element:
    """The root of a document. Raises ValueError if it is none, or has a document type, which could define entities."""
    top = Element("")
    path = [top]
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, _attributes: dict[str, str]) -> None:
        if len(path) > _DEEPEST:
            raise ValueError(f"elements nested more than {_DEEPEST} deep")
        element = Element(name.rpartition(":")[2])
        path[-1].children.append(element)
        path.append(element)

    def end(_name: str) -> None:
        path.pop()

    def text(content: str) -> None:
        path[-1].text += content

    def document_type(*_: object) -> None:
        raise ValueError("a document type")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = document_type
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise ValueError(f"not XML: {error}") from error
    return top.children[0]


def deletion(keys: Iterable[str]) -> bytes:
    """The body of DeleteObjects, whose reply names only what was not deleted."""
    objects = "".join([f"<Object><Key>{_escaped(key)}</Key></Object>" for key in keys])
    return f'<Delete xmlns="{_NAMESPACE}">{objects}<Quiet>true</Quiet></Delete>'.encode()


def completion(parts: Iterable[tuple[int, str]]) -> bytes:
    """The body of CompleteMultipartUpload: numbers and ETags of the parts, in order."""
    listed = "".join([f"<Part><ETag>{_escaped(etag)}</ETag><PartNumber>{number}</PartNumber></Part>" for number, etag in parts])
    return f'<CompleteMultipartUpload xmlns="{_NAMESPACE}">{listed}</CompleteMultipartUpload>'.encode()


def _escaped(text: str) -> str:
    # A parser would take line breaks for others.
    return html.escape(text, quote=False).replace("\r", "&#13;").replace("\n", "&#10;")
