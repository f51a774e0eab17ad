"""SVG documents without parts that could do more than draw, written again from the result of a parser."""

from __future__ import annotations

import re
from xml.parsers import expat

from services.inference.media.errors import damaged_error
from services.pictures.media_format import MediaFormat

# `xml.sax.saxutils` has these, and imports what speaks HTTP.
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_QUOTES = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})

_LEFT_OUT = frozenset({"script", "foreignobject", "include", "handler", "listener", "iframe", "embed", "object", "audio", "video"})
"""Local names of elements, in lower case; `include` is XInclude's. They are left out with all that is in them."""
_STYLE = "style"
_REFERENCES = frozenset({"href", "src"})
_BLANK = re.compile(r"[\x00-\x20\x7f-\xa0\u200b\ufeff]+")
"""Characters that browsers ignore before and inside the scheme of a URL."""
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//|\\", re.IGNORECASE)
_PICTURE = re.compile(r"data:(?:image/|font/|application/(?:x-)?font|;|,)", re.IGNORECASE)
_ACTIVE = re.compile(r"(?:https?|file|javascript|vbscript):|data:text/", re.IGNORECASE)
_LONGEST_SCHEME = 200
_URL = re.compile(r"url\(\s*['\"]?", re.IGNORECASE)
_IMPORT = re.compile(r"@(?:import|\\)[^;]*(?:;|$)", re.IGNORECASE)
_NOWHERE = "none"
_MOST_GROWTH = 8
"""Times its own length, and `_ROOM` characters, that a document may have once its entities are replaced."""
_ROOM = 1 << 20


def clean_svg(data: bytes) -> bytes:
    """The same drawing in UTF-8, without document type, processing instructions, comments, scripts, foreign content, inclusions, handlers
    of events, and references to anything but itself and the pictures in it.

    Entities that stand for plain text are replaced by it. Raises FILE_CORRUPT for what is no well-formed XML, and for entities that hold
    others, with which a small document grows large.
    """
    try:
        return _Cleaner(_MOST_GROWTH * len(data) + _ROOM).run(data)
    except (expat.ExpatError, _Refused, LookupError, ValueError) as error:
        raise damaged_error(MediaFormat.SVG) from error


class _Refused(Exception):
    """The document is not read."""


class _Cleaner:
    """One pass over a document."""

    def __init__(self, most: int) -> None:
        self._out: list[str] = []
        self._left = most
        self._skipped = 0
        """Depth within an element that is left out; 0 outside of one."""
        self._style: list[str] | None = None
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._entity
        self._parser.SkippedEntityHandler = self._unknown_entity
        # The external part of a document type is never asked for.
        self._parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def run(self, data: bytes) -> bytes:
        """The document, written again."""
        self._parser.Parse(data, True)
        return "".join(self._out).encode()

    def _say(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise _Refused
        self._out.append(text)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped or _local(name) in _LEFT_OUT:
            self._skipped += 1
            return
        self._say(f"<{name}")
        for key, value in attributes.items():
            if (kept := _attribute(key, value)) is not None:
                self._say(f' {key}="{kept.translate(_IN_QUOTES)}"')
        self._say(">")
        if _local(name) == _STYLE:
            self._style = []

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        if self._style is not None:
            self._say(_rules("".join(self._style)).translate(_IN_TEXT))
            self._style = None
        self._say(f"</{name}>")

    def _text(self, text: str) -> None:
        if self._skipped:
            return
        if self._style is not None:
            self._left -= len(text)
            self._style.append(text)
        else:
            self._say(text.translate(_IN_TEXT))

    def _entity(self, _name: str, _parameter: bool, value: str | None, *_where: object) -> None:
        # One without a value is elsewhere, and is left out where it stands.
        if value is not None and any(mark in value for mark in "&%<"):
            raise _Refused

    def _unknown_entity(self, _name: str, _parameter: bool) -> None:
        """One that a document type outside of the document would declare: it stands for nothing."""


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _attribute(name: str, value: str) -> str | None:
    """The value that an attribute is written with; None for one that is left out."""
    if name == "xmlns" or name.startswith("xmlns:"):
        return value
    local = _local(name)
    if local.startswith("on") or local == "base":
        return None
    if _leads_out(value) if local in _REFERENCES else _ACTIVE.match(_scheme(value)):
        return None
    return _rules(value) if local == _STYLE or "(" in value else value


def _rules(css: str) -> str:
    """Style rules without imports, and with nothing where a URL leads out."""
    css = _IMPORT.sub("", css)
    kept, end = [], 0
    for url in _URL.finditer(css):
        if url.start() >= end and _leads_out(css[url.end() : url.end() + _LONGEST_SCHEME]):
            kept += [css[end : url.start()], _NOWHERE]
            closed = css.find(")", url.end())
            end = closed + 1 if closed >= 0 else len(css)
    return "".join([*kept, css[end:]])


def _leads_out(reference: str) -> bool:
    """Whether a reference leads out of the document, and not to a picture or font in it."""
    scheme = _scheme(reference)
    return _OUTSIDE.match(scheme) is not None and _PICTURE.match(scheme) is None


def _scheme(reference: str) -> str:
    return _BLANK.sub("", reference[:_LONGEST_SCHEME])
