"""The console in Chinese: nothing in it is English but names and values."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.stacks import Account, StackUnderTest
from tests.system.console.console import Console
from tests.system.console.test_accessibility import PAGES, quiet
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter, new_name

# All texts of the page that a person can see or hear, without code, times and data. The labels of controls may quote data that the page
# shows, such as the name of a person, so these are taken out of them.
_TEXTS = """() => {
    const own = 'code, kbd, pre, time, [lang=en], [translate=no]';
    const data = [...document.querySelectorAll('[translate=no]')]
        .flatMap((element) => [element.textContent.trim(), element.getAttribute('title') ?? ''])
        .filter(Boolean)
        .sort((one, other) => other.length - one.length);
    const texts = new Set();
    const add = (text) => texts.add(data.reduce((left, each) => left.replaceAll(each, ''), text));
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (node.data.trim() && !element.closest(own) && !element.closest('script, style, option[value=en]')) add(node.data.trim());
    }
    for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]'))
        for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
            if (element.getAttribute(name) && !element.closest(own)) add(element.getAttribute(name));
    return [...texts];
}"""
_NAMES = re.compile(
    r"\b(?:Darkroom|API|Webhook|English|ID|PDF|ZIP|SVG|JPEG|PNG|WebP|AVIF|TIFF|GIF|HEIC|HEIF|RAW|GPT Image 2|Nano Banana 2|DPI|HDR|CPU|GPU|"
    r"RGB|CMYK|OCR|Base64|Exif|XMP|IPTC|USM|Ctrl|Esc|Enter|Shift|JSON|HTTP|URL|https?|GiB|MB|kB|KB|GB|px|mm|pt)\b"
)
# Names in the middle of a sentence, which no element marks: of files, fields, the role that everybody may get, and commands.
_QUOTED = re.compile(
    r"\S+\.(?:png|jpg|pdf|zip|svg)\b|\w+_\w+|“user”|https?://\S+|当前用户：\S+|由 \S+ 处理|darkroom key create", re.IGNORECASE
)


async def _english(page: Page, *values: str) -> list[str]:
    """The texts of the page with words in Latin letters that are no names and none of the values, which somebody has typed."""
    texts = [_without(text, values) for text in await page.evaluate(_TEXTS)]
    return [text for text in texts if re.search(r"[A-Za-z]{2,}", _NAMES.sub("", _QUOTED.sub("", text)))]


def _without(text: str, values: tuple[str, ...]) -> str:
    for value in values:
        text = text.replace(value, "")
    return text


async def _in_chinese(page: Page, stack: StackUnderTest, token: str) -> Console:
    await page.context.add_init_script("localStorage.setItem('darkroom.language', 'zh')")
    return await Console(page, stack.url).signed_in(token)


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
    console = await _in_chinese(page, stack, admin.token)
    # The system's page is the names of services, lanes and models.
    pages = [path for path in PAGES if path != "/system"]
    found: dict[str, list[str]] = {}
    for path in (*pages, *(f"/tasks/{task}" for task in tasks)):
        await console.open(path)
        await quiet(page)
        if left := await _english(page):
            found[path] = left
    assert not found


# On these pages, the first control of each name that begins so opens a dialog.
_DIALOGS = {
    "/people": ("添加人员", "修改", "设置", "移除"),
    "/roles": ("添加角色", "修改", "移除"),
    "/keys": ("新建密钥", "更换", "吊销"),
    "/webhooks": ("添加 Webhook", "修改", "更换", "删除"),
    "/audit": ("详情",),
    "/pipelines": ("删除",),
    "/pipelines/new": ("添加步骤",),
}


@pytest.mark.thorough
async def test_dialogs_have_no_english(page: Page, stack: StackUnderTest, admin: SnapOtter) -> None:
    console = await _in_chinese(page, stack, admin.token)
    found: dict[str, list[str]] = {}
    opened: set[str] = set()

    async def look(name: str, *values: str) -> None:
        opened.add(name)
        if left := await _english(page, *values):
            found[name] = left

    async def make(path: str, button: str, fill: dict[str, str], submit: str) -> None:
        """Fill in a form, and look at what it answers: a secret that is shown once."""
        await console.open(path)
        if path == "/keys":
            await page.get_by_role("tab", name="我的密钥").click()
        await page.get_by_role("button", name=button, exact=True).click()
        form = page.get_by_role("dialog", name=button)
        for label, value in fill.items():
            await form.get_by_label(label, exact=True).fill(value)
        await form.get_by_role("button", name=submit, exact=True).click()
        await expect(page.get_by_role("button", name="我已复制")).to_be_visible()
        await look(f"{path}, {button}: done", *fill.values())
        await page.get_by_role("button", name="我已复制").click()

    await make("/people", "添加人员", {"名称": new_name()}, "添加")
    await make("/keys", "新建我的密钥", {"名称": new_name()}, "新建")
    for path, names in _DIALOGS.items():
        await console.open(path)
        await quiet(page)
        for name in names:
            openers = page.get_by_role("main").get_by_role("button", name=re.compile(f"^{name}"), disabled=False)
            if not await openers.count():
                continue
            await openers.first.click()
            await expect(page.locator("dialog[open]")).to_have_count(1)
            await look(f"{path}, {name}")
            await page.keyboard.press("Escape")
            await expect(page.locator("dialog[open]")).to_have_count(0)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="快捷键")).to_be_visible()
    await look("keys")
    assert not found
    assert len(opened) >= 8, opened


@pytest.mark.thorough
async def test_work_has_no_english(page: Page, stack: StackUnderTest, account: Account, photo: Any) -> None:
    console = await _in_chinese(page, stack, account.api_key)
    found: dict[str, list[str]] = {}

    async def look(name: str) -> None:
        if left := await _english(page):
            found[name] = left

    await console.open()
    await console.choose(photo("red.png"))
    await look("recipes")
    # The box drawer, and the brush.
    for tool in ("移除水印", "擦除物体", "旋转与镜像"):
        settings = await console.pick(tool)
        await expect(settings.get_by_role("button", name="换一种处理")).to_be_visible()
        await look(tool)
        if tool != "旋转与镜像":
            await settings.get_by_role("button", name="换一种处理").click()
    await console.work("旋转与镜像").get_by_label("角度", exact=True).first.fill("90")
    await page.get_by_role("button", name="保存这些设置").click()
    saved = page.get_by_role("dialog", name="保存这些设置")
    await expect(saved).to_be_visible()
    await look("saved settings")
    await saved.get_by_role("button", name="取消").click()
    await page.get_by_role("button", name="运行", exact=True).click()
    await page.get_by_role("button", name="打开 red.png 的结果").click()
    dialog = page.get_by_role("dialog", name="red.png")
    await expect(dialog.get_by_role("img", name="结果")).to_be_visible()
    for view in ("并排", "仅结果", "滑块"):
        await dialog.get_by_text(view, exact=True).click()
        await look(f"viewer, {view}")
    assert not found
