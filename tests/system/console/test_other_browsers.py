"""The main job in Firefox and in WebKit, where Debian's packages of them are installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.stacks import StackUnderTest
from tests.system.console.other_browsers import Window, firefox, webkit
from tests.system.snapotter import PASSWORD, SnapOtter

ESCAPE = "\ue00c"
# Of elements.
SIZE = "return [arguments[0].naturalWidth, arguments[0].naturalHeight]"
IN_VIEW = "return arguments[0].getBoundingClientRect().top < innerHeight"
MIDDLE = "const box = arguments[0].getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2].map(Math.round)"


@pytest.mark.thorough
# Of the driver's own code.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("browser", [firefox, webkit])
async def test_the_main_job(
    stack: StackUnderTest, admin: SnapOtter, photo: Callable[[str], Path], browser: Callable[[Path], AbstractContextManager[Window]]
) -> None:
    user, _ = await admin.person()
    await asyncio.to_thread(_main_job, browser, stack.url, user["username"], photo("red.png"))


def _main_job(browser: Callable[[Path], AbstractContextManager[Window]], url: str, user: str, file: Path) -> None:
    with browser(file.with_name("browser.log")) as window:
        window.open(url)
        window.write("Name", user)
        window.write("Password", PASSWORD)
        window.press("button", "Sign in")
        window.see("heading", "Studio")
        window.choose(file)
        # Found by what it does, and set up.
        window.write("Search tools", "turn")
        window.press("button", "Rotate and mirror")
        window.write("Angle", "90")
        window.press("button", "Run")
        # What comes of it is where the eye is.
        assert window.driver.script(IN_VIEW, window.see("run"))
        window.press("button", "Open the result of red.png")
        # The photo, 160 by 120 pixels, stands upright.
        result = window.see("picture", "Result")
        assert window.until(lambda: (size := window.driver.script(SIZE, result)) != [0, 0] and size) == [120, 160]
        window.driver.key(ESCAPE)
        window.press("button", "Choose something else")
        window.write("Search tools", "watermark")
        window.press("button", "Remove watermarks")
        area = window.see("picture", "Picture to draw boxes on")
        window.driver.script("arguments[0].scrollIntoView({block: 'center'})", area)
        x, y = window.driver.script(MIDDLE, area)
        window.driver.drag((x - 30, y - 20), (x + 30, y + 25))
        window.see("box", "Box 1")
        assert not window.faults
        window.driver.script("localStorage.setItem('darkroom.language', 'zh')")
        window.open(f"{url}/#/tasks")
        window.see("heading", "任务")
        assert not window.faults
        window.driver.script("localStorage.setItem('darkroom.language', 'en')")
        window.open(url)
        window.press("button", f"Signed in as {user}")
        window.press("menuitem", "Sign out")
        window.see("heading", "Sign in")
        assert not window.faults
