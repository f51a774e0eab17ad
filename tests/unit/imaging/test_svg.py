"""Drawings are read without what could do more than draw, and show the rest."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from services.inference.media import Hints, Limits, decode, read_header
from services.inference.media.svg import clean_svg
from services.platform.errors import DarkroomError, ErrorReason
from tests.hostile_files.bombs import SVG_BOMBS
from tests.unit.imaging.pictures import written

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xi="http://www.w3.org/2001/XInclude"'
RED = '<rect width="40" height="30" fill="#ff0000"/>'


def drawing(content: str, before: str = "", attributes: str = "") -> bytes:
    return f'{before}<svg {NAMESPACES} width="40" height="30" {attributes}>{content}</svg>'.encode()


PIXEL = "data:image/png;base64," + base64.b64encode(written(np.full((1, 1, 3), (0, 200, 0), np.uint8), "PNG")).decode()

LEFT_OUT = {
    "a document type": drawing(RED, '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'),
    "a processing instruction": drawing(RED, '<?xml version="1.0"?><?xml-stylesheet href="http://example.com/a.css"?>'),
    "a comment": drawing(f"<!-- javascript: http://example.com -->{RED}"),
    "a script": drawing(f"<script>fetch('http://example.com')</script>{RED}"),
    "a script in another case and prefix": drawing(f'<s:SCRIPT xmlns:s="http://www.w3.org/2000/svg">javascript:</s:SCRIPT>{RED}'),
    "foreign content": drawing(
        f'{RED}<foreignObject width="9" height="9"><p onclick="javascript:x">http://example.com</p></foreignObject>'
    ),
    "handlers of events": drawing(f'<g onclick="javascript:a()" ONLOAD="b()">{RED}</g>', attributes='onload="javascript:c()"'),
    "an inclusion": drawing(f'{RED}<xi:include href="file:///etc/passwd" parse="text"/>'),
    "a link": drawing(f'<a href="https://example.com" xlink:href="javascript:a()">{RED}</a>'),
    "a disguised link": drawing(f'<a href=" java&#10;script:a()" xlink:href="//example.com">{RED}</a>'),
    "a picture elsewhere": drawing(f'{RED}<image width="9" height="9" href="http://example.com/a.png"/>'),
    "a file": drawing(f'{RED}<image width="9" height="9" xlink:href="file:///etc/passwd"/>'),
    "an element of another document": drawing(f'{RED}<use href="https://example.com/a.svg#b"/>'),
    "styles from elsewhere": drawing(f"<style>@import url(http://example.com/a.css); .a{{fill:url('http://example.com#b')}}</style>{RED}"),
    "a style's reference": drawing(f'<g style="filter:url(http://example.com/a.svg#b)">{RED}</g>'),
    "an unfinished reference": drawing(f'<g style="stroke:url(https://example.com">{RED}</g>'),
    "an attribute's reference": drawing(f'<g mask="url( &quot;file:///a.svg#b&quot; )">{RED}</g>'),
    "a base": drawing(RED, attributes='xml:base="http://example.com/"'),
    "an entity elsewhere": drawing(f"<desc>&a;</desc>{RED}", '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_does_more_than_draw_is_left_out_and_the_rest_is_drawn(what: str) -> None:
    clean = clean_svg(LEFT_OUT[what]).decode()
    lowered = clean.replace("http://www.w3.org/", "").lower()
    for word in ("doctype", "<?", "<!--", "script", "foreignobject", "onclick", "onload", "include ", "http:", "https:", "file:", "//"):
        assert word not in lowered, (word, clean)
    image = decode(LEFT_OUT[what], Limits())
    assert (image.width, image.height) == (40, 30)
    assert image.srgb()[15, 20].tolist() == [255, 0, 0]


def test_what_draws_stays() -> None:
    content = (
        f'<defs><linearGradient id="g:1"><stop offset="0" stop-color="#00f"/></linearGradient></defs><style>.a{{fill:url(#g:1)}}</style>'
        f'<rect class="a" width="20" height="30"/><image x="20" width="20" height="30" preserveAspectRatio="none" href="{PIXEL}"/>'
        # Not a text: what draws one settles which fonts this process knows.
        f'<desc>see http://example.com &lt;b&gt; &amp; "c"</desc>'
    )
    clean = clean_svg(drawing(content)).decode()
    assert 'see http://example.com &lt;b&gt; &amp; "c"' in clean
    assert 'id="g:1"' in clean and PIXEL in clean
    image = decode(drawing(content), Limits())
    assert image.srgb()[20, 10].tolist() == [0, 0, 255]
    assert image.srgb()[20, 30].tolist() == [0, 200, 0]


def test_cleaning_twice_changes_nothing_more() -> None:
    for document in LEFT_OUT.values():
        once = clean_svg(document)
        assert clean_svg(once) == once


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1251"])
def test_encodings(encoding: str) -> None:
    text = {"windows-1251": "Привет", "iso-8859-1": "Straße"}.get(encoding, "水印")
    document = f'<?xml version="1.0" encoding="{encoding}"?><svg xmlns="http://www.w3.org/2000/svg"><text>{text}</text></svg>'
    assert f"<text>{text}</text>" in clean_svg(document.encode(encoding)).decode()


def test_entities_that_stand_for_text_are_replaced() -> None:
    before = '<!DOCTYPE svg [<!ENTITY colour "#ff0000"><!ENTITY word "a b">]>'
    document = drawing('<rect width="40" height="30" fill="&colour;"/><desc>&word;</desc>', before)
    assert decode(document, Limits()).srgb()[15, 20].tolist() == [255, 0, 0]
    assert b"<desc>a b</desc>" in clean_svg(document)


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg"><text>&b;</text></svg>',
        b'<!DOCTYPE svg [<!ENTITY a "'
        + b"a" * 3_000
        + b'">]><svg xmlns="http://www.w3.org/2000/svg"><text>'
        + b"&a;" * 500_000
        + b"</text></svg>",
        b'<!DOCTYPE svg [<!ENTITY % a "x"><!ENTITY b "%a;">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<svg xmlns="http://www.w3.org/2000/svg"><g></svg>',
        b'<svg xmlns="http://www.w3.org/2000/svg">&nbsp;</svg>',
        b"<svg" + b"\0" * 100,
    ],
)
def test_bombs_and_broken_documents_are_refused(document: bytes) -> None:
    for act in (clean_svg, lambda data: decode(data, Limits())):
        with pytest.raises(DarkroomError) as refused:
            act(document)
        assert refused.value.reason is ErrorReason.FILE_CORRUPT


def test_long_and_deep_documents_take_no_longer_than_their_length() -> None:
    many = "url(" * 200_000
    assert len(clean_svg(drawing(f'<g style="{many}"/>'))) > 800_000
    deep = "<g>" * 20_000 + "</g>" * 20_000
    assert clean_svg(drawing(deep)).count(b"<g>") == 20_000
    for bomb in SVG_BOMBS.values():
        assert clean_svg(bomb)


@pytest.mark.parametrize(("dpi", "size"), [(72, (40, 30)), (144, (80, 60)), (300, (167, 125)), (36, (20, 15))])
@pytest.mark.parametrize("unit", ["", "px", "pt"])
def test_resolution(dpi: int, size: tuple[int, int], unit: str) -> None:
    document = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30" width="40{unit}" height="30{unit}">{RED}</svg>'.encode()
    hints = Hints(svg_dpi=dpi)
    header, image = read_header(document, Limits(), hints), decode(document, Limits(), hints)
    assert (header.width, header.height) == (image.width, image.height) == size
    assert np.all(image.srgb()[1:-1, 1:-1] == (255, 0, 0))


def test_the_limit_holds_at_the_resolution_asked_for() -> None:
    document = drawing(RED)
    decode(document, Limits(megapixels=0.0012))
    with pytest.raises(DarkroomError) as refused:
        decode(document, Limits(megapixels=0.0012), Hints(svg_dpi=144))
    assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
