"""The root element of an SVG document."""

from __future__ import annotations

import math
import re
from xml.parsers import expat

from services.pictures.media_format import MediaFormat
from services.pictures.probe.faults import DamagedFileError, unsupported_error
from services.pictures.probe.model import Probe
from services.pictures.probe.ranges import RangeFile

_NAMESPACE = "http://www.w3.org/2000/svg"
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MAX_PROLOGUE_BYTES = 1 << 20
_STEP = 16 << 10
#: CSS pixels per unit (CSS Values 4, absolute lengths at 96 to the inch; em and ex for a 16 pixel font).
_UNITS = {"": 1, "px": 1, "pt": 4 / 3, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 9.6 / 2.54, "em": 16, "ex": 8}
_LENGTH = re.compile(r"\s*\+?(\d*\.?\d+(?:[eE][+-]?\d+)?)\s*([a-z]*)\s*")
#: A browser's size for a replaced element without one of its own (CSS 2.2, 10.3.2).
_DEFAULT_SIZE = (300.0, 150.0)


def matches(head: bytes) -> bool:
    """Whether this may be the start of an XML document whose root is `svg`; only `parse` knows for certain."""
    for mark in _BYTE_ORDER_MARKS:
        head = head.removeprefix(mark)
    return head.replace(b"\0", b"").lstrip()[:1] == b"<"


class _RootFound(Exception):
    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes


def parse(file: RangeFile) -> Probe:
    """Read up to the root element. Raises MEDIA_UNSUPPORTED if it is not an SVG element."""
    root = _root(file)
    if root is None or root.name not in ("svg", f"{_NAMESPACE} svg"):
        raise unsupported_error(file.at(0, _STEP))
    width, height = _size(root.attributes)
    return Probe(media_type=MediaFormat.SVG.media_type, width=width, height=height, frames=1, has_alpha=True)


def _root(file: RangeFile) -> _RootFound | None:
    def start_element(name: str, attributes: dict[str, str]) -> None:
        raise _RootFound(name, attributes)

    def entity(_name: str, _parameter: bool, value: str | None, *_where: object) -> None:
        if value is not None and any(mark in value for mark in "&%<"):
            raise DamagedFileError("it declares entities that hold others, which are not read")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start_element
    parser.EntityDeclHandler = entity
    try:
        for start in range(0, min(file.size, _MAX_PROLOGUE_BYTES), _STEP):
            parser.Parse(file.at(start, _STEP), False)
    except _RootFound as root:
        return root
    except (expat.ExpatError, LookupError, ValueError):
        # The latter two for an encoding that Python does not know, or that expat cannot use.
        return None
    return None


def _size(attributes: dict[str, str]) -> tuple[int, int]:
    """Size in CSS pixels, rounded up: `width` and `height`, else the view box, else the default."""
    box = [float(part) for part in re.findall(r"[-+]?(?:\d*\.?\d+)(?:[eE][+-]?\d+)?", attributes.get("viewBox", ""))]
    box_size = (box[2], box[3]) if len(box) == 4 and box[2] > 0 and box[3] > 0 else None
    width, height = (_pixels(attributes.get(name, "")) for name in ("width", "height"))
    if box_size is not None:
        if width is None and height is None:
            width, height = box_size
        elif width is None and height is not None:
            width = height * box_size[0] / box_size[1]
        elif height is None and width is not None:
            height = width * box_size[1] / box_size[0]
    sizes = (width or _DEFAULT_SIZE[0], height or _DEFAULT_SIZE[1])
    if not all(math.isfinite(side) and side < 1e9 for side in sizes):
        raise DamagedFileError("its size is not a number")
    return max(1, math.ceil(sizes[0])), max(1, math.ceil(sizes[1]))


def _pixels(length: str) -> float | None:
    """CSS pixels of an absolute length; None for a percentage or nonsense."""
    match = _LENGTH.fullmatch(length)
    if match is None or match[2] not in _UNITS:
        return None
    return float(match[1]) * _UNITS[match[2]]
