"""Firefox and WebKit as Debian has them, by the drivers of `.venv-webdriver`."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

_DRIVERS = Path(__file__).resolve().parents[3] / ".venv-webdriver" / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
_FIREFOX = Path("/usr/bin/firefox-esr")
_WEBKIT = Path("/usr/bin/WebKitWebDriver")
_DISPLAY = Path("/usr/bin/Xvfb")
_PATIENCE_SECONDS = 60
_NOTHING_ELSEWHERE = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "nimbus.rollouts.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
}
"""Preferences of Firefox with which it asks no server of Mozilla's."""
# What a person sees of a kind and a name: the first that is there to be pressed or written into.
_FIND = """
const [kind, name] = arguments;
const selectors = {
    button: 'button, [role=button]', menuitem: '[role=menuitem]', heading: 'h1, h2, h3', picture: 'img', dialog: 'dialog[open]',
    field: 'input:not([type=file]):not([type=range]):not([type=checkbox])', files: '[data-testid=files]', box: '[data-box]',
    run: 'main article[aria-busy=false]',
};
const names = (element) => [element.getAttribute('aria-label'), element.labels?.[0]?.textContent, element.textContent, element.alt];
const open = document.querySelector('dialog[open]');
return [...document.querySelectorAll(selectors[kind])].find((element) =>
    (kind === 'files' || element.checkVisibility()) && !element.disabled && (!open || open.contains(element) || element.contains(open)) &&
    (!name || names(element).some((each) => each && each.trim().startsWith(name)))) ?? null;
"""


class Driver(Protocol):
    """What both drivers can do, by one name."""

    def go(self, url: str) -> None: ...
    def script(self, source: str, *arguments: object) -> Any: ...
    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press the pointer at a place in the window, in pixels, move it, and let go."""
        ...

    def key(self, key: str) -> None:
        """Press a key on whatever has the focus."""
        ...


class Window:
    """A window of a browser, as a person uses it."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Show a page, and note what goes wrong in it once it is loaded."""
        self.driver.go("about:blank")
        self.driver.go(url)
        self.until(lambda: self.driver.script("return document.readyState") == "complete")
        self.driver.script(
            "window.faults = [];"
            "addEventListener('error', (event) => window.faults.push(String(event.message)));"
            "addEventListener('unhandledrejection', (event) => window.faults.push(String(event.reason)));"
        )

    @property
    def faults(self) -> list[str]:
        """What has been thrown and not caught on this page."""
        return list(self.driver.script("return window.faults"))

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until a function returns something true, which is returned."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (found := holds()):
            assert time.monotonic() < deadline, self.driver.script("return document.body.innerText")
            time.sleep(0.1)
        return found

    def see(self, kind: str, name: str = "") -> Any:
        """Wait for something of a kind whose name begins so."""
        return self.until(lambda: self.driver.script(_FIND, kind, name))

    def press(self, kind: str, name: str) -> None:
        """Press it."""
        self.see(kind, name).click()

    def write(self, name: str, text: str) -> None:
        """Write into a field, in place of what is there."""
        field = self.see("field", name)
        self.driver.script("arguments[0].focus(); arguments[0].select()", field)
        field.send_keys(text)

    def choose(self, file: Path) -> None:
        """Choose a file. Drivers write only into what is shown, and a button stands in for this field."""
        field = self.see("files")
        self.driver.script(
            "arguments[0].hidden = false; arguments[0].style.cssText = 'display: block; position: fixed; top: 0; left: 0'", field
        )
        field.send_keys(str(file))


@contextmanager
def firefox(log: Path) -> Iterator[Window]:
    """Firefox without a display; its log replaces the file. Skips the test where it, or its driver, is missing."""
    [marionette] = _modules(_FIREFOX, "marionette_driver.marionette")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    browser = marionette.Marionette(
        bin=str(_FIREFOX),
        headless=True,
        host="127.0.0.1",
        port=port,
        startup_timeout=_PATIENCE_SECONDS,
        gecko_log=str(log),
        prefs=_NOTHING_ELSEWHERE,
    )

    class Firefox:
        def go(self, url: str) -> None:
            browser.navigate(url)

        def script(self, source: str, *arguments: object) -> Any:
            return browser.execute_script(source, script_args=list(arguments), sandbox=None)

        def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
            pointer = browser.actions.sequence("pointer", "mouse", {"pointerType": "mouse"})
            pointer.pointer_move(*start).pointer_down().pointer_move(*end).pointer_up().perform()

        def key(self, key: str) -> None:
            browser.actions.sequence("key", "keyboard").key_down(key).key_up(key).perform()

    try:
        browser.start_session()
        browser.set_window_rect(width=1300, height=950)
        yield Window(Firefox())
    finally:
        browser.quit()
        browser.cleanup()


@contextmanager
def webkit(log: Path) -> Iterator[Window]:
    """WebKitGTK's MiniBrowser on a display of its own; its driver's log goes into the file.

    Skips the test where it, its driver or Xvfb is missing.
    """
    webdriver, actions, options, service = _modules(
        _WEBKIT,
        "selenium.webdriver",
        "selenium.webdriver.common.action_chains",
        "selenium.webdriver.webkitgtk.options",
        "selenium.webdriver.webkitgtk.service",
    )
    if not _DISPLAY.exists():
        pytest.skip("Xvfb is not installed: apt install xvfb")
    reading, writing = os.pipe()
    display = subprocess.Popen(
        [_DISPLAY, "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as numbers:
            number = numbers.readline().strip()
        assert number, "Xvfb does not start"
        # As root there is no sandbox, and without a GPU nothing to compose on.
        environment = {
            **os.environ,
            "DISPLAY": f":{number}",
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
            "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        asked = options.Options()
        asked.binary_location = str(next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser")))
        asked.add_argument("--automation")
        browser = webdriver.WebKitGTK(options=asked, service=service.Service(str(_WEBKIT), log_output=str(log), env=environment))

        class WebKit:
            def go(self, url: str) -> None:
                browser.get(url)

            def script(self, source: str, *arguments: object) -> Any:
                return browser.execute_script(source, *arguments)

            def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
                chain = actions.ActionChains(browser)
                pointer = chain.w3c_actions.pointer_action
                pointer.move_to_location(*start).pointer_down().move_to_location(*end).pointer_up()
                chain.perform()

            def key(self, key: str) -> None:
                actions.ActionChains(browser).send_keys(key).perform()

        try:
            browser.set_window_size(1300, 950)
            yield Window(WebKit())
        finally:
            browser.quit()
    finally:
        display.terminate()
        display.wait()


def _modules(browser: Path, *names: str) -> list[Any]:
    """The modules of a driver, which only `.venv-webdriver` has; what the project has itself comes first."""
    if not browser.exists():
        pytest.skip(f"{browser} is not installed: apt install firefox-esr webkit2gtk-driver xvfb")
    if not _DRIVERS.is_dir():
        pytest.skip("the drivers of other browsers are not installed: make test-browsers")
    # They import more of it later.
    if str(_DRIVERS) not in sys.path:
        sys.path.append(str(_DRIVERS))
    return [importlib.import_module(name) for name in names]
