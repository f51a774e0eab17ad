"""The console in Chinese: nothing in it is English but names and values."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page

from tests.stacks import StackUnderTest
from tests.system.console.console import Console
from tests.system.console.test_accessibility import PAGES, quiet
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter

# All texts of the page that a person can see or hear, but those of code and of what people have named.
_TEXTS = """() => {
    const own = 'code, pre, time, [lang=en], .mono, .file-name, option[value=en]';
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (node.data.trim() && !element.closest(own) && !element.closest('script, style')) texts.push(node.data.trim());
    }
    for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]'))
        for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
            if (element.getAttribute(name) && !element.closest(own)) texts.push(element.getAttribute(name));
    return [...new Set(texts)];
}"""
_NAMES = re.compile(
    r"\b(?:Darkroom|API|Webhook|English|ID|PDF|ZIP|SVG|JPEG|PNG|WebP|AVIF|TIFF|GIF|HEIC|HEIF|RAW|GPT Image 2|Nano Banana 2|DPI|HDR|CPU|GPU|"
    r"RGB|CMYK|OCR|Base64|Exif|XMP|IPTC|USM|Ctrl|Esc|Enter|Shift|JSON|HTTP|URL|GiB|MB|kB|KB|GB|px|mm|pt)\b"
)
_VALUES = re.compile(
    r"\S+\.png|\w+_\w+|[\w-]+-[0-9a-f]{6,}|darkroom key create|"
    r"\b(?:admin|editor|user|default|root|accounts|processor)\b",
    re.IGNORECASE,
)


async def _english(page: Page) -> list[str]:
    """The texts of the page with words in Latin letters that are no names."""
    texts = await page.evaluate(_TEXTS)
    return [text for text in texts if re.search(r"[A-Za-z]{2,}", _VALUES.sub("", _NAMES.sub("", text)))]


@pytest.mark.thorough
async def test_pages_have_no_english(page: Page, stack: StackUnderTest, admin: SnapOtter) -> None:
    pilio = Pilio(stack.url, admin.token)
    file = await pilio.upload("red.png", encoded(disc(160, 120), "PNG"))
    operations: list[dict[str, dict[str, object]]] = [
        {"remove_watermark": {}},
        {"remove_background": {"subject": "SUBJECT_PRODUCT", "quality": "CUTOUT_QUALITY_FAST", "keep_shadow": True}},
        {"upscale": {"factor": 2}},
        {"extract_frame": {"frame": 9}},
    ]
    tasks = [await pilio.start("/v1/tasks", {"file_ids": [file], "operations": [operation]}) for operation in operations]
    for task in tasks:
        await pilio.finish(task)
    await page.context.add_init_script("localStorage.setItem('darkroom.language', 'zh')")
    console = await Console(page, stack.url).signed_in(admin.token)
    # The system and the settings are the names of services, lanes, models and settings.
    pages = [path for path in PAGES if path not in ("/system", "/settings")]
    found: dict[str, list[str]] = {}
    for path in (*pages, *(f"/tasks/{task}" for task in tasks)):
        await console.open(path)
        await quiet(page)
        if left := await _english(page):
            found[path] = left
    assert not found
