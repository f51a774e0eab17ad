"""Where the data of an inline image ends (ISO 32000-2, 8.9.7).

The data are binary and may contain the letters `EI`, so the end is taken from the image's own dictionary if that gives it,
and searched for only if not.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

_END = re.compile(rb"EI(?=[\x00\t\n\f\r \]/]|$)")
_BLANK = b"\x00\t\n\f\r "
_KEY_VALUE = re.compile(rb"/(\w+)\s*(\[[^\]]*\]|/[^\s/\[\]<>()]+|[\w.+-]+)")
_NAMES = re.compile(rb"/([^\s/\[\]<>()]+)")
_COMPONENTS = {b"G": 1, b"DeviceGray": 1, b"RGB": 3, b"DeviceRGB": 3, b"CMYK": 4, b"DeviceCMYK": 4, b"I": 1, b"Indexed": 1}
#: Bytes that may follow an image: operands and operators are printable.
_PLAUSIBLE = re.compile(rb"[\x00\t\n\f\r\x20-\x7e]*")
_LOOK_AHEAD = 12


def end_of_data(data: bytes, start: int, dictionary_end: int, position: int) -> int:
    """Position after `EI`. The image starts at `start`, its dictionary ends with the `ID` that ends at `position`."""
    settings = dict(_KEY_VALUE.findall(data[start + 2 : dictionary_end]))
    body = position + (data[position : position + 1] in _BLANK and position < len(data))
    if data[position : position + 2] == b"\r\n":
        body = position + 2
    least = _declared_length(settings, data, body)
    if least is not None:
        # A few bytes of slack: writers differ in the white space they count.
        match = _END.search(data, max(body, body + least - 2))
        if match is not None and not data[body + least : match.start()].strip(_BLANK):
            return match.end()
    return _search(data, body)


def _declared_length(settings: dict[bytes, bytes], data: bytes, body: int) -> int | None:
    """Length of the encoded data if the dictionary or the data's own format gives it."""
    for key in (b"L", b"Length"):
        if settings.get(key, b"").isdigit():
            return int(settings[key])
    filters = _NAMES.findall(settings.get(b"F", settings.get(b"Filter", b"")))
    if not filters:
        return _raw_length(settings)
    measure = _MEASURES.get(filters[0])
    return None if measure is None else measure(data, body)


def _raw_length(settings: dict[bytes, bytes]) -> int | None:
    def number(*keys: bytes) -> int | None:
        value = next((settings[key] for key in keys if key in settings), b"")
        return int(value) if value.isdigit() else None

    width, height, bits = number(b"W", b"Width"), number(b"H", b"Height"), number(b"BPC", b"BitsPerComponent")
    components: int | None = 1
    if settings.get(b"IM", settings.get(b"ImageMask")) == b"true":
        bits = 1
    else:
        space = _NAMES.findall(settings.get(b"CS", settings.get(b"ColorSpace", b"")))
        components = _COMPONENTS.get(space[0]) if space else None
    if width is None or height is None or bits is None or components is None:
        return None
    return (width * components * bits + 7) // 8 * height


def _flate_length(data: bytes, body: int) -> int | None:
    decoder = zlib.decompressobj()
    try:
        for at in range(body, len(data), 4096):
            decoder.decompress(data[at : at + 4096])
            if decoder.eof:
                return min(at + 4096, len(data)) - len(decoder.unused_data) - body
    except zlib.error:
        return None
    return None


def _up_to(mark: bytes) -> Callable[[bytes, int], int | None]:
    def length(data: bytes, body: int) -> int | None:
        end = data.find(mark, body)
        return None if end < 0 else end + len(mark) - body

    return length


def _run_length(data: bytes, body: int) -> int | None:
    position = body
    while position < len(data):
        length = data[position]
        position += 1
        if length == 128:
            return position - body
        position += length + 1 if length < 128 else 1
    return None


#: The function that measures the encoded data, by the outermost filter.
_MEASURES: dict[bytes, Callable[[bytes, int], int | None]] = {
    b"Fl": _flate_length,
    b"FlateDecode": _flate_length,
    b"AHx": _up_to(b">"),
    b"ASCIIHexDecode": _up_to(b">"),
    b"A85": _up_to(b"~>"),
    b"ASCII85Decode": _up_to(b"~>"),
    b"DCT": _up_to(b"\xff\xd9"),
    b"DCTDecode": _up_to(b"\xff\xd9"),
    b"RL": _run_length,
    b"RunLengthDecode": _run_length,
}


def _search(data: bytes, body: int) -> int:
    """The first `EI` between white space that is followed by printable bytes, as readers search; else the end of the data."""
    for match in _END.finditer(data, body):
        after = data[match.end() : match.end() + _LOOK_AHEAD]
        if data[match.start() - 1 : match.start()] in _BLANK and _PLAUSIBLE.fullmatch(after):
            return match.end()
    return len(data)
