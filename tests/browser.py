"""A real browser for the pages. Where there is none, a test module that imports this is skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("there is no Chromium: install the package chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
_axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is missing")

SIZES = {
    "telephone": (320, 640),
    "7-inch": (1024, 600),
    "full-hd": (1920, 1080),
    "portrait": (1080, 1920),
    "4k": (3840, 2160),
}
"""Screens that a page must fit, width and height in CSS pixels."""
_OUT_OF_REACH = """(kinds) => [...document.querySelectorAll(kinds)]
  .filter((item) => item.checkVisibility())
  .filter((item) => { const box = item.getBoundingClientRect();
    return box.left < 0 || box.right > innerWidth || box.width < 24 || box.height < 24; })
  .map((item) => item.outerHTML)"""


@contextmanager
def chromium(*options: str) -> Iterator[Any]:
    """Run a browser."""
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *options]
        )
        try:
            yield opened
        finally:
            opened.close()


def noting(page: Any) -> Any:
    """Let a page keep what its scripts throw, as `problems`."""
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    return page


def barriers(page: Any) -> str:
    """Return what axe-core finds that keeps people out; "" = nothing."""
    found = _axe.Axe().run(page)
    return str(found.generate_report()) if found.violations_count else ""


def out_of_reach(page: Any, kinds: str) -> list[str]:
    """Return the elements of some kinds (a CSS selector) that one cannot touch.

    They leave the screen at a side, or are smaller than 24 CSS pixels (WCAG 2.2, 2.5.8).
    """
    found: list[str] = page.evaluate(_OUT_OF_REACH, kinds)
    return found
