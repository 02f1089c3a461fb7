"""A real browser whose microphone plays a recording."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("there is no Chromium: install the package chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")

_PLAYED = """() => {
  const post = MessagePort.prototype.postMessage;
  window.played = 0;
  MessagePort.prototype.postMessage = function (data, ...rest) {
    if (data instanceof ArrayBuffer) window.played += data.byteLength;
    return post.call(this, data, ...rest);
  };
}"""
"""Counts the bytes that the page gives to its loudspeaker."""


@contextmanager
def browser_that_hears(recording: Path) -> Iterator[object]:
    """Open a browser whose microphone plays a recording, once, from when it is turned on."""
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={recording}%noloop",
            ],
        )
        try:
            yield opened
        finally:
            opened.close()


def visited(browser, url: str, allowed: bool = True):
    """Open the screen in a browser that may use the microphone, or may not."""
    context = browser.new_context(locale="zh-CN", permissions=["microphone"] if allowed else [])
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.problems.append(said.text))
    page.add_init_script(f"({_PLAYED})()")
    page.goto(url)
    page.wait_for_selector("#microphone:not([hidden])")
    return page
