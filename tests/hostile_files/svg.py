"""SVG: entities, references to files, to hosts and to itself, and drawings that take hours."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping

from tests.hostile_files.bombs import SVG_BOMBS
from tests.hostile_files.wholes import DRAWING
from tests.unit.probe.specimens import png_bomb

_OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="48">'
_RECT = '<rect width="64" height="48" fill="{}"/>'
_BLUR = '<feGaussianBlur stdDeviation="50"/>'


def _drawn(content: str, before: str = "", open_: str = _OPEN) -> bytes:
    return f'<?xml version="1.0"?>{before}{open_}{content}</svg>'.encode()


def _sized(width: str, height: str, more: str = "") -> bytes:
    return _drawn(_RECT.format("red"), open_=f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {more}>')


def _referring(tag: str, attribute: str) -> bytes:
    """Something that is drawn with itself."""
    inner = f'<rect width="64" height="48" fill="green" {attribute}="url(#a)"/>'
    return _drawn(f'<{tag} id="a" width="9" height="9">{inner}</{tag}>{inner}')


def _laughs() -> str:
    levels = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * 10}">' for number in range(1, 10))
    return f'<!DOCTYPE svg [<!ENTITY e0 "lol">{levels}]>'


def tricks() -> Mapping[str, bytes]:
    """By name."""
    secret = "file:///etc/passwd"
    bomb = base64.b64encode(png_bomb()).decode()
    itself = base64.b64encode(_drawn(_RECT.format("red"))).decode()
    points = " ".join(f"{number % 64},{number * 7 % 48}" for number in range(200_000))
    dashes = '<path d="M0 0 H60 V40 H0 Z" stroke="black" fill="none" stroke-width="1" stroke-dasharray="{}"/>'
    return {
        **{f"draws for hours: {name}": content for name, content in SVG_BOMBS.items()},
        "entities that grow": _drawn("<text>&e9;</text>", _laughs()),
        "entity repeated 50,000 times": _drawn(f"<text>{'&a;' * 50_000}</text>", f'<!DOCTYPE svg [<!ENTITY a "{"a" * 50_000}">]>'),
        "entity that is a file": _drawn("<text y='20'>&a;</text>", f'<!DOCTYPE svg [<!ENTITY a SYSTEM "{secret}">]>'),
        "entity that is itself": _drawn("<text>&a;</text>", '<!DOCTYPE svg [<!ENTITY a "&a;">]>'),
        "parameter entity that is a file": _drawn("<text>a</text>", f'<!DOCTYPE svg [<!ENTITY % a SYSTEM "{secret}"> %a;]>'),
        "entity from a host": _drawn("<text>&a;</text>", '<!DOCTYPE svg [<!ENTITY a SYSTEM "http://127.0.0.1:9/a">]>'),
        "definition from a host": _drawn(_RECT.format("red"), '<!DOCTYPE svg SYSTEM "http://127.0.0.1:9/a.dtd">'),
        "XInclude": _drawn(f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret}" parse="text"/>'),
        "style sheet from a host": _drawn(_RECT.format("red"), '<?xml-stylesheet href="http://127.0.0.1:9/a.css" type="text/css"?>'),
        "imported style": _drawn(f'<style>@import url("{secret}"); @import url("http://127.0.0.1:9/a.css"); rect {{fill: red}}</style>'),
        "font from a file": _drawn(f'<style>@font-face {{font-family: a; src: url("{secret}")}}</style><text font-family="a">a</text>'),
        "picture that is a file": _drawn(f'<image width="9" height="9" xlink:href="{secret}"/>'),
        "picture from a host": _drawn('<image width="9" height="9" href="http://127.0.0.1:9/a.png"/>'),
        "picture within of 900 megapixels": _drawn(f'<image width="9" height="9" href="data:image/png;base64,{bomb}"/>'),
        "drawing within": _drawn(f'<image width="9" height="9" href="data:image/svg+xml;base64,{itself}"/>' * 500),
        "filter from a file": _drawn(f'<filter id="a"><feImage href="{secret}"/></filter><rect width="9" height="9" filter="url(#a)"/>'),
        "filter of itself": _drawn('<filter id="a"><feImage href="#r"/></filter><rect id="r" width="9" height="9" filter="url(#a)"/>'),
        "use of itself": _drawn('<g id="a"><use href="#a"/></g>'),
        "uses of each other": _drawn('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'),
        "use of a file": _drawn(f'<use href="{secret}#a"/>'),
        "pattern of itself": _referring("pattern", "fill"),
        "mask of itself": _referring("mask", "mask"),
        "clip of itself": _referring("clipPath", "clip-path"),
        "marker of itself": _referring("marker", "marker-start"),
        "gradients of each other": _drawn('<linearGradient id="a" href="#b"/><linearGradient id="b" href="#a"/>' + _RECT.format("url(#a)")),
        "10^9 pixels wide": _sized("1000000000", "1000000000"),
        "10^308 pixels wide": _sized("1e308", "1e308"),
        "less than no size": _sized("-5", "-5"),
        "no number": _sized("NaN", "inf"),
        "no view": _sized("64", "48", 'viewBox="0 0 0 0"'),
        "view of 10^300": _sized("64", "48", 'viewBox="0 0 1e300 1e300"'),
        "view that is tiny": _sized("64", "48", 'viewBox="0 0 1e-300 1e-300"'),
        "most pixels that are allowed": _sized("2000", "2000"),
        "in metres": _sized("9000cm", "9000cm"),
        "relative size": _sized("100%", "100%"),
        "10,000 levels": _drawn("<g>" * 10_000 + "</g>" * 10_000),
        "100,000 levels": _drawn("<g>" * 100_000 + "</g>" * 100_000),
        "filter over everything": _drawn(
            '<filter id="a" x="-9999" y="-9999" width="99999" height="99999"><feMorphology radius="9999"/></filter>'
            '<rect width="64" height="48" filter="url(#a)"/>'
        ),
        "1,000 effects": _drawn(f'<filter id="a">{_BLUR * 1000}</filter><rect width="64" height="48" filter="url(#a)"/>'),
        "dashes of nearly nothing": _drawn(dashes.format("0.0000001 0.0000001")),
        "dashes of nothing": _drawn(dashes.format("0 0")),
        "pattern of nearly nothing": _drawn(
            '<pattern id="a" width="0.0001" height="0.0001" patternUnits="userSpaceOnUse"><rect width="1" height="1"/></pattern>'
            + _RECT.format("url(#a)")
        ),
        "200,000 points with markers": _drawn(
            '<marker id="m" markerWidth="9" markerHeight="9"><circle r="5"/></marker>'
            f'<polyline points="{points}" fill="none" stroke="black" marker-mid="url(#m)"/>'
        ),
        "text of 1 MB": _drawn(f'<text y="20">{"Wüstensand " * 90_000}</text>'),
        "attribute of 11 MB": _drawn(f'<g class="{"x" * (11 << 20)}"/>' + _RECT.format("red")),
        "path of noise": _drawn('<path d="M 0 0 L 1e400 nan A 0 0 0 0 0 1e39 1e39 C -1e39 1e39 z" stroke="red" stroke-width="1e39"/>'),
        "coordinates of 10^38": _drawn('<g transform="scale(1e38) translate(1e38)"><circle r="1e38"/></g>' + _RECT.format("red")),
        "script": _drawn('<script>for(;;);</script><rect width="9" height="9" onload="alert(1)"/>'),
        "page within": _drawn(
            f'<foreignObject width="9" height="9"><iframe xmlns="http://www.w3.org/1999/xhtml" src="{secret}"/></foreignObject>'
        ),
        "compressed": gzip.compress(DRAWING, mtime=0),
        "compressed zeros after it": DRAWING + gzip.compress(bytes(1 << 20), mtime=0),
        "UTF-16": DRAWING.decode().replace('version="1.0"', 'version="1.0" encoding="UTF-16"').encode("utf-16"),
        "an encoding that there is not": DRAWING.replace(b'version="1.0"', b'version="1.0" encoding="utf-99"'),
        "bytes that are no text": DRAWING.replace(b"Darkroom", b"\xff\xfe\0\x01"),
        "no end": DRAWING[:-6],
        "two roots": DRAWING + b"<svg/>",
        "no namespace": DRAWING.replace(b' xmlns="http://www.w3.org/2000/svg"', b""),
        "a root late": b"<?xml version='1.0'?><!--" + b"x" * 5000 + b"-->" + DRAWING[22:],
        "nothing in it": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "no root": b"<svg",
    }
