"""The page in a headless browser, for what is measured of it and for the tests of it."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from remixd.errors import Unavailable

CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
POLL_S: Final = 0.02


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium, until the block ends. Raises Unavailable where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Unavailable("playwright is missing: pip install playwright") from None
    program = CHROMIUM if shutil.which(CHROMIUM) else shutil.which("chromium")
    if program is None:
        raise Unavailable("there is no chromium: sudo apt-get install chromium")
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        return int(there.getsockname()[1])


def until(page: Any, expression: str, timeout_s: float = 10.0) -> Any:
    """Wait until an expression of the page is true, and return its value.

    Polled from here, since the page's policy allows nobody `eval`. Raises Unavailable when it stays false.
    """
    end_s = time.monotonic() + timeout_s
    while not (value := page.evaluate(expression)):
        if time.monotonic() > end_s:
            raise Unavailable(f"not within {timeout_s:g} s: {expression}")
        page.wait_for_timeout(POLL_S * 1e3)
    return value
