"""A real browser whose microphone plays a recording."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser import chromium, noting

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
    with chromium(
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}%noloop",
    ) as opened:
        yield opened


def visited(browser, url: str, allowed: bool = True):
    """Open the screen in a browser that may use the microphone, or may not."""
    context = browser.new_context(locale="zh-CN", permissions=["microphone"] if allowed else [])
    page = noting(context.new_page())
    page.on("console", lambda said: said.type == "error" and page.problems.append(said.text))
    page.add_init_script(f"({_PLAYED})()")
    page.goto(url)
    page.wait_for_selector("#microphone:not([hidden])")
    return page
